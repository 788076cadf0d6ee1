import type { Severity } from '#contracts/alert';
import type { CorrelationEvent } from '#contracts/events/alert';
import type { Decider } from '#libs/kernel';
import { highestSeverity, severityRank } from './severity';

export type WindowEvent = Extract<
  CorrelationEvent,
  { type: 'CorrelationOpened' | 'CorrelationJoined' | 'CorrelationSuppressed' }
>;

/** The case that alerts of one key go to at present, and what it has had since it was opened. Times are RFC 3339. */
export interface OpenWindow {
  readonly status: 'open';
  readonly caseId: string;
  readonly windowEndsAt: string;
  /** Those that are only counted included. */
  readonly alerts: number;
  readonly highest: Severity;
  /** Ids of the sources, the first MAX_SOURCES. */
  readonly sources: readonly string[];
  /** How many alerts of each likeness it shows; of further likenesses all under OTHERS. */
  readonly alike: Readonly<Record<string, number>>;
}

export type CorrelationState = { readonly status: 'none' } | OpenWindow;

/** So many are told apart, so that the state stays small whatever a source sends. */
const MAX_SOURCES = 20;
const MAX_LIKENESSES = 50;
const OTHERS = '*';

export interface PlaceAlert {
  readonly type: 'PlaceAlert';
  readonly rule: string;
  readonly alertId: string;
  readonly sourceId: string;
  readonly severity: Severity;
  readonly likeness: string;
  /** When the alert was received: a source's own clock may be anywhere. */
  readonly receivedAt: string;
  readonly windowMinutes: number;
  /** Above how many that are alike it is only counted; null for never. */
  readonly suppressAbove: number | null;
  /** For when it opens a case. */
  readonly newCaseId: string;
  /** Whether people have closed the case that the window leads to. */
  readonly caseIsClosed: boolean;
}

/** Whether an alert joins the open case of its key: within the window, which each alert prolongs, and not once it is closed. */
export function joins(state: CorrelationState, { receivedAt, caseIsClosed }: PlaceAlert): state is OpenWindow {
  return state.status === 'open' && !caseIsClosed && Date.parse(receivedAt) <= Date.parse(state.windowEndsAt);
}

/**
 * Whether an alert that joins is only counted: the case shows enough that are like it. What is graver than all before it,
 * or from another source, is shown however many there are: a storm hides nothing new.
 */
export function isOnlyCounted(state: OpenWindow, { suppressAbove, severity, sourceId, likeness }: PlaceAlert): boolean {
  if (suppressAbove === null || severityRank(severity) > severityRank(state.highest)) return false;
  if (!state.sources.includes(sourceId) && state.sources.length < MAX_SOURCES) return false;
  return (state.alike[bucketOf(state.alike, likeness)] ?? 0) >= suppressAbove;
}

export const correlationDecider: Decider<CorrelationState, PlaceAlert, WindowEvent> = {
  initialState: () => ({ status: 'none' }),

  decide(command, state) {
    const { rule, alertId, sourceId, severity, likeness, receivedAt, windowMinutes, newCaseId } = command;
    const end = Date.parse(receivedAt) + windowMinutes * 60_000;
    const of = { rule, alertId, sourceId, severity, likeness };
    if (!joins(state, command)) {
      const windowEndsAt = new Date(end).toISOString();
      return [{ type: 'CorrelationOpened', data: { ...of, caseId: newCaseId, windowEndsAt } }];
    }
    const windowEndsAt = new Date(Math.max(end, Date.parse(state.windowEndsAt))).toISOString();
    const { caseId } = state;
    if (isOnlyCounted(state, command)) {
      return [{ type: 'CorrelationSuppressed', data: { rule, caseId, count: 1, windowEndsAt } }];
    }
    return [{ type: 'CorrelationJoined', data: { ...of, caseId, windowEndsAt } }];
  },

  evolve(state, { type, data }) {
    const { caseId, windowEndsAt } = data;
    const before = state.status === 'open' && type !== 'CorrelationOpened' ? state : { ...EMPTY, caseId };
    if (type === 'CorrelationSuppressed') return { ...before, windowEndsAt, alerts: before.alerts + data.count };
    const { sourceId, severity, likeness } = data;
    return {
      status: 'open',
      caseId,
      windowEndsAt,
      alerts: before.alerts + 1,
      highest: highestSeverity(before.highest, ...(severity === null ? [] : [severity])),
      sources: sourceId === null ? before.sources : withSource(before.sources, sourceId),
      alike: likeness === null ? before.alike : withOneMore(before.alike, likeness),
    };
  },

  snapshots: { name: 'correlation', stateVersion: 2 },
};

const EMPTY = { status: 'open', alerts: 0, highest: 'informational', sources: [], alike: {} } as const;

const bucketOf = (alike: OpenWindow['alike'], likeness: string): string =>
  likeness in alike || Object.keys(alike).length < MAX_LIKENESSES ? likeness : OTHERS;

function withOneMore(alike: OpenWindow['alike'], likeness: string): OpenWindow['alike'] {
  const bucket = bucketOf(alike, likeness);
  return { ...alike, [bucket]: (alike[bucket] ?? 0) + 1 };
}

const withSource = (sources: readonly string[], sourceId: string): readonly string[] =>
  sources.includes(sourceId) || sources.length >= MAX_SOURCES ? sources : [...sources, sourceId];
