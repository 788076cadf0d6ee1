/** Where a rebuild is. */
export interface RebuildProgress {
  readonly projection: string;
  /** `copying`: applying events to the shadow tables; `comparing` them with the live ones; `replacing` the live ones. */
  readonly phase: 'copying' | 'comparing' | 'replacing';
  readonly events: number;
  /** As many as the live read model has applied at this moment: it grows while the service runs. */
  readonly total: number;
  readonly percent: number;
  readonly eventsPerSecond: number;
  /** Until all events are applied; undefined before the first one is. */
  readonly secondsLeft: number | undefined;
}

/** Counts what is applied, and tells `report` of it. */
export class ProgressMeter {
  private readonly startedAt = performance.now();
  private phase: RebuildProgress['phase'] = 'copying';
  private applied = 0;
  private total = 0;

  constructor(
    private readonly projection: string,
    private readonly report: (progress: RebuildProgress) => void,
  ) {}

  get events(): number {
    return this.applied;
  }

  get seconds(): number {
    return (performance.now() - this.startedAt) / 1000;
  }

  /** So many events are to be applied still. */
  expect(events: number): void {
    this.total = this.applied + events;
    this.tell();
  }

  readonly add = (events: number): void => {
    this.applied += events;
    this.total = Math.max(this.total, this.applied);
    this.tell();
  };

  enter(phase: RebuildProgress['phase']): void {
    this.phase = phase;
    this.tell();
  }

  private tell(): void {
    const { projection, phase, applied: events, total } = this;
    const eventsPerSecond = events / Math.max(this.seconds, 0.001);
    this.report({
      projection,
      phase,
      events,
      total,
      percent: total === 0 ? 100 : (100 * events) / total,
      eventsPerSecond,
      secondsLeft: events === 0 && total > 0 ? undefined : (total - events) / Math.max(eventsPerSecond, 0.001),
    });
  }
}
