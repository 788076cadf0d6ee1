import { renameSync, writeFileSync } from 'node:fs';
import type { ServiceName } from '#contracts/envelope';

/** The file by which `preload.cjs` is told where connections lead and how wrong a service's clock is. */
export class Control {
  private readonly routes: Record<number, number> = {};
  private clocks: Partial<Record<ServiceName, number>> = {};

  constructor(readonly file: string) {
    this.write();
  }

  lead(port: number, through: number): void {
    this.routes[port] = through;
    this.write();
  }

  /** By how many milliseconds the clock of all instances of a service is wrong from now on. */
  moveClock(service: ServiceName, by: number): void {
    this.clocks[service] = by;
    this.write();
  }

  setClocksRight(): void {
    this.clocks = {};
    this.write();
  }

  private write(): void {
    writeFileSync(`${this.file}.draft`, JSON.stringify({ routes: this.routes, clocks: this.clocks }));
    renameSync(`${this.file}.draft`, this.file);
  }
}
