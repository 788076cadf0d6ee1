import type { SourceEvent } from '#contracts/events/source';
import { DEFAULT_SOURCE_SETTINGS, type SourceSettings } from '#contracts/source-settings';
import { DomainError, type Decider } from '#libs/kernel';

/** A source of alerts: who may send, with which token, in which format. */
export type SourceState =
  | { readonly status: 'unknown' }
  | {
      readonly status: 'active' | 'disabled';
      readonly sourceId: string;
      readonly name: string;
      readonly tokenDigest: string;
      readonly settings: SourceSettings;
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
  | { readonly type: 'DisableSource'; readonly sourceId: string; readonly reason: string };

export const sourceDecider: Decider<SourceState, SourceCommand, SourceEvent> = {
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
        const { sourceId, name, tokenDigest } = event.data;
        return { status: 'active', sourceId, name, tokenDigest, settings: DEFAULT_SOURCE_SETTINGS };
      }
      case 'SourceTokenRotated':
        return state.status === 'unknown' ? state : { ...state, tokenDigest: event.data.tokenDigest };
      case 'SourceConfigured':
        return state.status === 'unknown' ? state : { ...state, settings: event.data.settings };
      case 'SourceDisabled':
        return state.status === 'unknown' ? state : { ...state, status: 'disabled' };
      default: {
        const _: never = event;
        return state;
      }
    }
  },
};

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
