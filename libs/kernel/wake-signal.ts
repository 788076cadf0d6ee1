/** Lets a polling loop sleep until something happens or the time is up. A wake while nobody waits ends the next wait. */
export class WakeSignal {
  private woken = false;
  private end: () => void = () => undefined;

  wake(): void {
    this.woken = true;
    this.end();
  }

  async wait(ms: number): Promise<void> {
    if (!this.woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.end = () => undefined;
    this.woken = false;
  }
}
