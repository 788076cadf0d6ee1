import { CASE_STATUSES, type CaseEvent } from '../../contracts/events/case';
import type { AttackId, Observable, Severity } from '../../contracts/alert';
import type { Static } from 'typebox';
import { toNewEvents, type NewEvent } from '../../libs/event-store';
import { newId } from '../../libs/kernel';

/** The next event of a case. */
export interface CaseTurn {
  readonly stream: string;
  readonly event: NewEvent;
}

/** Cases that are worked on at the same time: their events lie between each other's in the ledger. */
export const OPEN_CASES = 100;
export const EVENTS_A_CASE = 12;
const ANALYSTS = ['arno', 'beatriz', 'chen', 'dina'];

/**
 * Cases as analysts work on them, `OPEN_CASES` at a time: an alert opens one, more join it, somebody takes it, notes what
 * is found, and closes it. Each step is the next event of each of these cases.
 */
export function* caseHistories(cases: number): Generator<CaseTurn[]> {
  for (let begun = 0; begun < cases; begun += OPEN_CASES) {
    const open = Array.from({ length: Math.min(OPEN_CASES, cases - begun) }, (_, index) => caseScript(begun + index));
    for (let step = 0; step < EVENTS_A_CASE; step += 1) {
      yield open.flatMap(({ stream, script }) => {
        const event = script[step];
        return event ? [{ stream, event: recordable(stream, event) }] : [];
      });
    }
  }
}

/** What a storm comes to: a case that an alert has opened, and all the others that have joined it. */
export function* stormOf(caseId: string, alerts: number): Generator<CaseEvent> {
  const title = 'Beacon to a listed address';
  yield { type: 'CaseOpened', data: { caseId, ...alertOf(0, 0), title, severity: 'low', rule: 'same-host' } };
  for (let nth = 1; nth < alerts; nth += 1) {
    yield { type: 'AlertGrouped', data: { caseId, ...alertOf(nth % 100, nth % 5), rule: 'same-host' } };
  }
}

function recordable(stream: string, event: CaseEvent): NewEvent {
  const actor = { kind: 'human', id: ANALYSTS[stream.charCodeAt(stream.length - 1) % ANALYSTS.length] ?? '' } as const;
  const meta = { correlationId: event.data.caseId };
  const [made] = toNewEvents([event], { category: 'case', stream, actor, meta, time: new Date() });
  if (!made) throw new Error('an event is missing');
  return { ...made, meta: { ...meta, causationId: made.id } };
}

function caseScript(number: number): { stream: string; script: CaseEvent[] } {
  const caseId = newId();
  const joins = (nth: number) => ({ caseId, ...alertOf(number, nth) });
  const title = `Beacon from WS-${number} to a listed address`;
  const note = (text: string) => ({ type: 'CaseNoteAdded', data: { caseId, noteId: newId(), text } }) as const;
  const [first, second, third] = CASE_STATUSES;
  return {
    stream: `case-${caseId}`,
    script: [
      { type: 'CaseOpened', data: { ...joins(0), title, severity: 'medium', rule: 'same-host' } },
      { type: 'AlertGrouped', data: { ...joins(1), rule: 'same-host' } },
      { type: 'AlertGrouped', data: { ...joins(2), rule: 'same-host' } },
      { type: 'CaseAssigned', data: { caseId, from: null, to: ANALYSTS[number % ANALYSTS.length] ?? null } },
      { type: 'CaseStatusChanged', data: { caseId, from: first, to: second, resolution: null, comment: 'Taken.' } },
      note('The address is on two lists; asked the owner of the host what "updater.exe" is.'),
      { type: 'AlertGrouped', data: { ...joins(3), rule: 'same-host' } },
      {
        type: 'CaseSeverityChanged',
        data: { caseId, from: 'high', to: 'critical', rule: null, reason: 'Domain administrator.' },
      },
      { type: 'CaseStatusChanged', data: { caseId, from: second, to: third, resolution: null, comment: 'Isolated.' } },
      { type: 'CaseAlertUpdated', data: joins(3) },
      note('Image taken before the host was reinstalled; nothing else has spoken to 203.0.113.7 since.'),
      {
        type: 'CaseStatusChanged',
        data: { caseId, from: third, to: 'closed', resolution: 'true_positive', comment: 'Reinstalled.' },
      },
    ],
  };
}

const SEVERITIES_GIVEN: readonly Severity[] = ['low', 'medium', 'high'];
const ATTACK: readonly Static<typeof AttackId>[] = ['TA0011', 'T1071.001'];

function alertOf(number: number, nth: number) {
  return {
    alertId: newId(),
    sourceId: '01a20ea0-0000-7000-8000-000000000001',
    source: 'siem',
    alertTitle: `Connection ${nth} of WS-${number} to 203.0.113.${number % 250}`,
    alertTime: '2026-11-24T09:30:00.000Z',
    alertSeverity: SEVERITIES_GIVEN[nth % 3] ?? 'low',
    observables: [
      observable('ip', 20, `203.0.113.${number % 250}`, 'evidences[0].dst_endpoint.ip'),
      observable('hostname', 1, `ws-${number}.corp.example`, 'device.hostname'),
    ],
    attack: [...ATTACK],
    verdict: nth % 2 === 0 ? ('unknown' as const) : ('malicious' as const),
    score: 20 * nth,
  };
}

function observable(type: Observable['type'], type_id: number, value: string, name: string): Observable {
  return { type_id, type, value, name, verdict: 'unknown', score: 0, lists: ['office addresses'] };
}
