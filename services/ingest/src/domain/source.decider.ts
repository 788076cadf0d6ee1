import type { SourceEvent } from '#contracts/events/source';
import type { PollConfiguration, SeenAlert } from '#contracts/source-poll';
import { DEFAULT_SOURCE_SETTINGS, type SourceSettings } from '#contracts/source-settings';
import { DomainError, type Decider } from '#libs/kernel';
import { advanced, isWorthRecording, laterOf, notSeenBy, type PollCursor } from './poll-cursor';

/** How the alerts of a source are polled; `configuration` is null while they are not. */
export interface SourcePollState {
  readonly revision: number;
  readonly configuration: PollConfiguration | null;
  readonly cursor: PollCursor;
}

/** A source of alerts: who may send, with which token, in which format. */
export type SourceState =
  | { readonly status: 'unknown' }
  | {
      readonly status: 'active' | 'disabled';
      readonly sourceId: string;
      readonly name: string;
      readonly format: string | null;
      readonly tokenDigest: string;
      readonly settings: SourceSettings;
      /** Null while it was never polled. */
      readonly poll: SourcePollState | null;
    };

export type SourceCommand =
  | {
      readonly type: 'RegisterSource';
      readonly sourceId: string;
      readonly name: string;
      readonly format: string | null;
      readonly tokenDigest: string;
    }
  | {
      readonly type: 'RotateSourceToken';
      readonly sourceId: string;
      readonly tokenDigest: string;
      readonly now: Date;
      readonly overlapSeconds: number;
    }
  | {
      readonly type: 'ConfigureSource';
      readonly sourceId: string;
      readonly changes: Partial<SourceSettings>;
    }
  | {
      readonly type: 'ConfigurePoll';
      readonly sourceId: string;
      readonly poll: PollConfiguration;
      /** Takes everything again that was changed since; null goes on where the cursor is, or begins at `now`. */
      readonly from: Date | null;
      readonly now: Date;
    }
  | {
      readonly type: 'AdvancePoll';
      readonly sourceId: string;
      /** Of the configuration that was polled by. */
      readonly revision: number;
      /** By the API's clock: everything that was changed before is durable; null where that is not known yet. */
      readonly until: Date | null;
      /** What has become durable. */
      readonly seen: readonly SeenAlert[];
    }
  | { readonly type: 'StopPoll'; readonly sourceId: string }
  | { readonly type: 'DisableSource'; readonly sourceId: string; readonly reason: string };

type CommandOf<Type extends SourceCommand['type']> = Extract<SourceCommand, { readonly type: Type }>;

export const sourceDecider: Decider<SourceState, SourceCommand, SourceEvent> = {
  snapshots: { name: 'source', stateVersion: 1 },

  initialState: () => ({ status: 'unknown' }),

  decide(command, state) {
    switch (command.type) {
      case 'RegisterSource': {
        if (state.status !== 'unknown') {
          throw new DomainError('invalid_transition', {
            field: 'name',
            reason: `There is a source named '${state.name}' already (${state.status}). Rotate its token, or choose another name.`,
          });
        }
        const { sourceId, name, format, tokenDigest } = command;
        return [{ type: 'SourceRegistered', data: { sourceId, name, format, tokenDigest } }];
      }
      case 'RotateSourceToken': {
        demandActive(state, command.sourceId);
        const previousValidUntil = new Date(command.now.getTime() + command.overlapSeconds * 1000).toISOString();
        return [
          {
            type: 'SourceTokenRotated',
            data: { sourceId: command.sourceId, tokenDigest: command.tokenDigest, previousValidUntil },
          },
        ];
      }
      case 'ConfigureSource': {
        const { settings } = demandActive(state, command.sourceId);
        const wanted = { ...settings, ...command.changes };
        const isChanged = Object.entries(wanted).some(([name, value]) => Object(settings)[name] !== value);
        return isChanged ? [{ type: 'SourceConfigured', data: { sourceId: command.sourceId, settings: wanted } }] : [];
      }
      case 'ConfigurePoll':
        return configurePoll(command, demandActive(state, command.sourceId));
      case 'AdvancePoll':
        return advancePoll(command, state);
      case 'StopPoll': {
        const { poll } = demandActive(state, command.sourceId);
        if (poll === null || poll.configuration === null) return [];
        return [{ type: 'PollStopped', data: { sourceId: command.sourceId, revision: poll.revision } }];
      }
      case 'DisableSource': {
        if (state.status === 'disabled') return [];
        demandActive(state, command.sourceId);
        return [{ type: 'SourceDisabled', data: { sourceId: command.sourceId, reason: command.reason } }];
      }
      default: {
        const _: never = command;
        return [];
      }
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'SourceRegistered': {
        const { sourceId, name, format, tokenDigest } = event.data;
        const settings = DEFAULT_SOURCE_SETTINGS;
        return { status: 'active', sourceId, name, format, tokenDigest, settings, poll: null };
      }
      case 'SourceTokenRotated':
        return state.status === 'unknown' ? state : { ...state, tokenDigest: event.data.tokenDigest };
      case 'SourceConfigured':
        return state.status === 'unknown' ? state : { ...state, settings: event.data.settings };
      case 'PollConfigured':
      case 'PollAdvanced':
      case 'PollStopped':
        return state.status === 'unknown' ? state : { ...state, poll: evolvePoll(state.poll, event) };
      case 'SourceDisabled':
        return state.status === 'unknown' ? state : { ...state, status: 'disabled' };
      default: {
        const _: never = event;
        return state;
      }
    }
  },
};

function configurePoll({ sourceId, poll, from, now }: CommandOf<'ConfigurePoll'>, { poll: before }: KnownState) {
  const isSame = JSON.stringify(sorted(before?.configuration)) === JSON.stringify(sorted(poll));
  if (isSame && from === null) return [];
  const watermark = from?.toISOString() ?? before?.cursor.watermark ?? now.toISOString();
  const revision = (before?.revision ?? 0) + 1;
  const configured: SourceEvent = {
    type: 'PollConfigured',
    data: { sourceId, revision, poll, watermark, again: from !== null },
  };
  return [configured];
}

/** Nothing for who polled by a configuration that is not the present one: the one that is meets it all again. */
function advancePoll({ sourceId, revision, until, seen }: CommandOf<'AdvancePoll'>, state: SourceState): SourceEvent[] {
  if (state.status !== 'active' || state.poll === null) return [];
  const { poll } = state;
  if (poll.configuration === null || poll.revision !== revision) return [];
  const watermark = until === null ? poll.cursor.watermark : laterOf(until.toISOString(), poll.cursor.watermark);
  const fresh = notSeenBy(poll.cursor, seen);
  if (!isWorthRecording(poll.cursor, watermark, fresh)) return [];
  return [{ type: 'PollAdvanced', data: { sourceId, revision, watermark, seen: fresh } }];
}

type PollEvent = Extract<SourceEvent, { type: 'PollConfigured' | 'PollAdvanced' | 'PollStopped' }>;

function evolvePoll(before: SourcePollState | null, { type, data }: PollEvent): SourcePollState | null {
  switch (type) {
    case 'PollConfigured': {
      const { revision, poll: configuration, watermark, again } = data;
      const seen = again ? [] : (before?.cursor.seen ?? []);
      return { revision, configuration, cursor: { watermark, seen } };
    }
    case 'PollAdvanced': {
      if (before === null) return before;
      const lookBack = before.configuration?.lookBackSeconds ?? 0;
      return { ...before, cursor: advanced(before.cursor, data.watermark, data.seen, lookBack) };
    }
    case 'PollStopped':
      return before === null ? before : { ...before, configuration: null };
    default: {
      const _: never = type;
      return before;
    }
  }
}

/** Settings are told by their names, in whatever order they were written. */
function sorted(poll: PollConfiguration | null | undefined): unknown {
  return poll && { ...ordered(poll), settings: ordered(poll.settings) };
}

const ordered = (object: object): object =>
  Object.fromEntries(Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1)));

type KnownState = Exclude<SourceState, { status: 'unknown' }>;

function demandActive(state: SourceState, sourceId: string): KnownState {
  if (state.status === 'unknown') throw new DomainError('not_found', `There is no source ${sourceId}.`);
  if (state.status === 'disabled') {
    throw new DomainError(
      'invalid_transition',
      `The source '${state.name}' is disabled, for good: register a new one.`,
    );
  }
  return state;
}
