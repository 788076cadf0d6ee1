import { DomainError, type Decider, type DomainEvent, type ErrorCode, fold } from '#libs/kernel';

export interface When<Event extends DomainEvent, Command> {
  /** Decides on `command`, once. */
  when(command: Command): Then<Event>;
}

export interface Then<Event extends DomainEvent> {
  /** Exactly these events, in this order; none when the command changes nothing. */
  then(expected: readonly Event[]): void;
  /** The command is refused with this code, and with `field` where one is named. */
  thenThrows(code: ErrorCode, field?: string): void;
}

/**
 * A requirement as a test reads it: `given(decider, [...]).when(command).then([...])`.
 * @param past what has happened on the stream before.
 */
export function given<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  past: readonly NoInfer<Event>[],
): When<Event, Command> {
  return {
    when(command) {
      const decide = (): Event[] => decider.decide(command, fold(decider, past));
      return {
        then(expected) {
          expect(decide()).toEqual(expected);
        },
        thenThrows(code, field) {
          const refused = refusal(decide);
          expect({ code: refused.code, ...(field !== undefined && { field: refused.field }) }).toEqual({
            code,
            ...(field !== undefined && { field }),
          });
        },
      };
    },
  };
}

function refusal(decide: () => readonly DomainEvent[]): DomainError {
  let events: readonly DomainEvent[];
  try {
    events = decide();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error(`the command was not refused; it gave ${JSON.stringify(events)}`);
}
