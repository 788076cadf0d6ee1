/** When a checkpoint is signed. Numbers of events, and milliseconds. */
export interface CheckpointSchedule {
  readonly everyEvents: number;
  readonly everyMs: number;
  /** Nothing new for so long: then what there is gets covered at once. */
  readonly idleMs: number;
}

export interface Uncovered {
  /** Events that no checkpoint covers, the checkpoints' own aside: those alone need no further one. */
  readonly events: number;
  readonly sinceCheckpointMs: number;
  readonly sinceLastEventMs: number;
}

export function isCheckpointDue(schedule: CheckpointSchedule, uncovered: Uncovered): boolean {
  if (uncovered.events === 0) return false;
  return (
    uncovered.events >= schedule.everyEvents ||
    uncovered.sinceCheckpointMs >= schedule.everyMs ||
    uncovered.sinceLastEventMs >= schedule.idleMs
  );
}
