import { isDeepStrictEqual } from 'node:util';
import type { Observable } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import type { CaseView } from '#contracts/http/case';
import type { RecordedEvent } from '#libs/event-store';

/** How many of each list a case shows by itself. */
export const SHOWN = 200;
const MAX_OBSERVABLES = 500;

export type AlertOfCase = CaseView['alerts'][number];
type AlertData = Extract<CaseEvent, { type: 'CaseAlertUpdated' }>['data'];

/** What an event says of an alert of its case; undefined for one that says nothing. */
export function alertDataOf({ type, data }: CaseEvent): AlertData | undefined {
  return type === 'CaseOpened' || type === 'AlertGrouped' || type === 'CaseAlertUpdated' ? data : undefined;
}

export function alertOfCase(data: AlertData): AlertOfCase {
  return {
    alertId: data.alertId,
    sourceId: data.sourceId,
    source: data.source,
    title: data.alertTitle,
    time: data.alertTime,
    severity: data.alertSeverity,
    verdict: data.verdict,
    score: data.score,
  };
}

/** The link to another case that an event makes. */
export function linkOf({ type, data }: CaseEvent, { time: at }: RecordedEvent): CaseView['links'][number] | undefined {
  return type === 'CaseLinked' ? { caseId: data.to, entity: data.entity, rule: data.rule, at } : undefined;
}

/** What people have said about a case, with who and when. */
export type Entry =
  | { readonly kind: 'note'; readonly id: string; readonly content: CaseView['notes'][number] }
  | { readonly kind: 'evidence'; readonly id: string; readonly content: CaseView['evidence'][number] }
  | { readonly kind: 'escalation'; readonly id: string; readonly content: CaseView['escalations'][number] };

export function entryOf({ type, data }: CaseEvent, { actor: by, time: at }: RecordedEvent): Entry | undefined {
  switch (type) {
    case 'CaseNoteAdded':
      return { kind: 'note', id: data.noteId, content: { noteId: data.noteId, text: data.text, by, at } };
    case 'CaseEvidenceAdded': {
      const { caseId: _, ...evidence } = data;
      return { kind: 'evidence', id: data.evidenceId, content: { ...evidence, by, at } };
    }
    case 'CaseEscalated': {
      const { caseId: _, ...escalation } = data;
      const open = { status: 'open', endedAt: null, endedBy: null, comment: null } as const;
      return { kind: 'escalation', id: data.escalationId, content: { ...escalation, ...open, by, at } };
    }
    default:
      return undefined;
  }
}

/** The escalation that an event ends; undefined for another event. */
export function endedBy({ type, data }: CaseEvent): string | undefined {
  return type === 'EscalationAcknowledged' || type === 'EscalationExpired' ? data.escalationId : undefined;
}

export function ended(entry: Entry, { type, data }: CaseEvent, { actor: by, time: at }: RecordedEvent): Entry {
  if (entry.kind !== 'escalation') return entry;
  const isExpired = type === 'EscalationExpired';
  const comment = type === 'EscalationAcknowledged' ? data.comment : null;
  const status = isExpired ? 'expired' : 'acknowledged';
  return { ...entry, content: { ...entry.content, status, endedAt: at, endedBy: by, comment } };
}

/**
 * Everything that alerts of a case have named, each once, with what the lists said of it last. Of more than there is room
 * for, the worst stay; of equals, those that came first.
 */
export class ObservablesOfCase {
  private readonly known: Map<string, Observable>;
  private lowest: Observable | undefined;

  constructor(observables: readonly Observable[] = []) {
    this.known = new Map(observables.map((one) => [keyOf(one), one]));
  }

  /** Whether they have changed anything. */
  add(observables: readonly Observable[]): boolean {
    let isChanged = false;
    for (const observable of observables) {
      const before = this.known.get(keyOf(observable));
      if (before && isDeepStrictEqual(before, observable)) continue;
      if (!before && this.known.size >= MAX_OBSERVABLES) {
        const least = this.least();
        if (!least || observable.score <= least.score) continue;
        this.known.delete(keyOf(least));
      }
      if (before?.score !== observable.score) this.lowest = undefined;
      this.known.set(keyOf(observable), observable);
      isChanged = true;
    }
    return isChanged;
  }

  /** In the order in which they came. */
  all(): Observable[] {
    return [...this.known.values()];
  }

  /** A storm brings thousands that are worth no more than it: it is looked for once. */
  private least(): Observable | undefined {
    if (this.lowest) return this.lowest;
    for (const one of this.known.values()) {
      if (!this.lowest || one.score <= this.lowest.score) this.lowest = one;
    }
    return this.lowest;
  }
}

export function worstFirst(observables: readonly Observable[]): Observable[] {
  return [...observables].sort((a, b) => b.score - a.score);
}

const keyOf = ({ type, value }: Observable): string => `${type} ${value}`;
