import type { RecordedEvent } from '#libs/event-store';
import type { ProjectionRunner } from '#libs/read-model';
import type { ServiceContext } from './service-definition';

/** The runner of projections, handed out before it exists: projections are made from the context that holds it. */
export class LateReadModels implements NonNullable<ServiceContext['readModels']> {
  private runner: ProjectionRunner | undefined;

  bind(runner: ProjectionRunner): void {
    this.runner = runner;
  }

  caughtUpWith(events: readonly RecordedEvent[], timeoutMs?: number): Promise<boolean> {
    return this.bound.caughtUpWith(events, timeoutMs);
  }

  names(): string[] {
    return this.bound.names();
  }

  rebuild(name: string): Promise<void> {
    return this.bound.rebuild(name);
  }

  troubles(): Record<string, string> {
    return this.bound.troubles();
  }

  private get bound(): ProjectionRunner {
    if (this.runner === undefined)
      throw new Error('The projections do not exist before definition.projections returns');
    return this.runner;
  }
}
