import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { ActionRequest } from '#contracts/action';
import type { RunEvent } from '#contracts/events/run';
import { runEvents } from '#contracts/events/run';
import { demandPlaybook, parseDocument, type Playbook } from '#libs/cacao';
import { fold } from '#libs/kernel';
import { findFieldErrors } from '#libs/service';
import { given } from '#libs/testing';
import type { ConnectionFacts, RunFlow } from './run-flow';
import { runDecider, type RunCommand } from './run.decider';
import type { RunState } from './run-state';
import { startVariables } from './start-variables';

const text = readFileSync(join(__dirname, '../../playbooks/contain-brute-force.yaml'), 'utf8');
const playbook: Playbook = demandPlaybook(parseDocument(text, 'yaml')).playbook;
const runId = 'c7a5e1d0-0000-4000-8000-00000000000a';
const caseId = 'c7a5e1d0-0000-4000-8000-00000000000b';
const warrant = 'a.b.c';

const facts = (
  connectionId: string,
  effects: Record<string, 'read' | 'write' | 'disruptive'>,
): [string, ConnectionFacts] => [
  connectionId,
  {
    connectionId,
    version: 3,
    connector: connectionId,
    manifestVersion: 'd'.repeat(64),
    effects: new Map(Object.entries(effects)),
  },
];
const flow: RunFlow = {
  playbook,
  connections: new Map([
    facts('intel', { lookup: 'read' }),
    facts('ticketing', { create_ticket: 'write' }),
    facts('chat', { post_message: 'write' }),
    facts('firewall', { block_address: 'disruptive' }),
    facts('identity', { disable_account: 'disruptive' }),
  ]),
};
const start = (own: RunFlow = flow): RunCommand => ({
  type: 'StartRun',
  ...{ runId, caseId, playbookId: playbook.id, playbookDigest: 'e'.repeat(64), overridden: [] },
  trigger: { kind: 'case_opened', eventId: caseId },
  variables: startVariables(playbook, {
    ...{ __case_id__: caseId, __case_title__: 'Brute force', __case_severity__: 'high', __verdict__: 'malicious' },
    ...{ __malicious_ip__: '203.0.113.7', __malicious_ip_type__: 'ipv4-addr', __user__: 'jdoe' },
  }),
  now: new Date('2026-11-24T12:00:00.000Z'),
  flow: own,
});

const decideOn = (past: readonly RunEvent[], command: RunCommand): RunEvent[] =>
  runDecider.decide(command, fold(runDecider, past));
const requestsIn = (events: readonly RunEvent[]): ActionRequest[] =>
  events.flatMap((event) => (event.type === 'ActionRequested' ? [event.data.request] : []));
const requestOf = (events: readonly RunEvent[], action: string): ActionRequest => {
  const found = requestsIn(events).find((request) => request.action === action);
  if (found === undefined) throw new Error(`nobody asked for ${action}`);
  return found;
};
const types = (events: readonly RunEvent[]): string[] => events.map(({ type }) => type);
const dispatch = ({ actionId }: ActionRequest): RunCommand => ({ type: 'DispatchAction', actionId, warrant });
const succeed = ({ actionId }: ActionRequest, outputs = {}): RunCommand => ({
  type: 'EndAction',
  actionId,
  result: { kind: 'succeeded', outputs },
  flow,
});

describe('a run', () => {
  const begun = decideOn([], start());

  it('asks for what it can at once; a read goes out in the same decision, without a warrant', () => {
    expect(requestsIn(begun).map(({ action }) => action)).toEqual(['lookup', 'create_ticket', 'post_message']);
    const dispatched = begun.flatMap((event) => (event.type === 'ActionDispatched' ? [event.data] : []));
    expect(dispatched.map(({ request, warrant: given }) => [request.action, given])).toEqual([['lookup', null]]);
    expect(requestOf(begun, 'lookup')).toMatchObject({
      connectionVersion: 3,
      runId,
      caseId,
      playbookDigest: 'e'.repeat(64),
    });
  });

  it('is started once', () => {
    given(runDecider, begun).when(start()).then([]);
  });

  it('dispatches what was allowed, once', () => {
    const ticket = requestOf(begun, 'create_ticket');
    const { stepId, actionId } = ticket;
    const dispatched: RunEvent = {
      type: 'ActionDispatched',
      data: { runId, caseId, stepId, actionId, request: ticket, warrant },
    };
    given(runDecider, begun).when(dispatch(ticket)).then([dispatched]);
    given(runDecider, [...begun, dispatched])
      .when(dispatch(ticket))
      .then([]);
    given(runDecider, [...begun, dispatched])
      .when({ type: 'RefuseAction', actionId, code: 'denied', reason: 'late', flow })
      .then([]);
  });

  it('ends a step by its result, once, whatever comes later', () => {
    const lookup = requestOf(begun, 'lookup');
    const completed = decideOn(begun, succeed(lookup, { verdict: 'malicious', score: 97 }));
    expect(completed[0]).toEqual({
      type: 'StepCompleted',
      data: {
        runId,
        caseId,
        stepId: lookup.stepId,
        outputs: { __intel_verdict__: 'malicious', __intel_score__: '97' },
      },
    });
    given(runDecider, [...begun, ...completed])
      .when(succeed(lookup))
      .then([]);
    given(runDecider, [...begun, ...completed])
      .when({ type: 'ExpireAction', actionId: lookup.actionId, flow })
      .then([]);
  });

  it('fails a step whose output does not fit its variable', () => {
    const failed = decideOn(begun, succeed(requestOf(begun, 'lookup'), { score: 'very high' }));
    expect(failed[0]).toMatchObject({ type: 'StepFailed', data: { code: 'invalid_output' } });
  });

  it('fails a step whose connection or action nobody knows, and asks for nothing', () => {
    const without = (id: string): RunFlow => ({
      playbook,
      connections: new Map([...flow.connections].filter(([key]) => key !== id)),
    });
    expect(decideOn([], start(without('ticketing')))).toContainEqual(
      expect.objectContaining({ type: 'StepFailed', data: expect.objectContaining({ code: 'unknown_connection' }) }),
    );
    const other: RunFlow = { playbook, connections: new Map([...flow.connections, facts('chat', { call: 'write' })]) };
    expect(decideOn([], start(other))).toContainEqual(
      expect.objectContaining({ type: 'StepFailed', data: expect.objectContaining({ code: 'unknown_action' }) }),
    );
  });

  it('expires what was dispatched, and revokes its warrant; what still waits for people has no timeout', () => {
    const ticket = requestOf(begun, 'create_ticket');
    const expire: RunCommand = { type: 'ExpireAction', actionId: ticket.actionId, flow };
    given(runDecider, begun).when(expire).then([]);
    const dispatched = [...begun, ...decideOn(begun, dispatch(ticket))];
    expect(types(decideOn(dispatched, expire)).slice(0, 2)).toEqual(['ActionWithdrawn', 'StepFailed']);
    const read: RunCommand = { type: 'ExpireAction', actionId: requestOf(begun, 'lookup').actionId, flow };
    expect(types(decideOn(begun, read))[0]).toBe('StepFailed');
  });

  it('that is stopped withdraws what waits, and hears of nothing any more', () => {
    const stop: RunCommand = { type: 'StopRun', code: 'deadline', reason: 'too late' };
    const stopped = decideOn(begun, stop);
    expect(types(stopped)).toEqual(['ActionWithdrawn', 'ActionWithdrawn', 'RunFailed']);
    const after = [...begun, ...stopped];
    given(runDecider, after).when(stop).then([]);
    given(runDecider, after)
      .when(succeed(requestOf(begun, 'lookup')))
      .then([]);
  });

  it('does not know of runs and actions that are not there', () => {
    given(runDecider, []).when({ type: 'StopRun', code: 'x', reason: 'y' }).thenThrows('not_found');
    given(runDecider, begun)
      .when({ type: 'DispatchAction', actionId: caseId, warrant })
      .thenThrows('not_found', 'actionId');
  });
});

describe('any course of a run', () => {
  /** What may become of an action, and whether each message comes twice. */
  const course = fc.record({
    fates: fc.dictionary(
      fc.constantFrom('lookup', 'create_ticket', 'post_message', 'block_address', 'disable_account'),
      fc.constantFrom('succeed', 'fail', 'deny', 'expire'),
    ),
    picks: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
    twice: fc.boolean(),
  });

  function commandsFor(request: ActionRequest, fate: string): RunCommand[] {
    const { actionId } = request;
    const isRead = request.action === 'lookup';
    if (fate === 'deny' && !isRead) return [{ type: 'RefuseAction', actionId, code: 'denied', reason: 'no', flow }];
    const begin = isRead ? [] : [dispatch(request)];
    if (fate === 'expire') return [...begin, { type: 'ExpireAction', actionId, flow }];
    const result =
      fate === 'succeed'
        ? ({ kind: 'succeeded', outputs: {} } as const)
        : ({ kind: 'failed', code: 'x', reason: 'y' } as const);
    return [...begin, { type: 'EndAction', actionId, result, flow }];
  }

  function play(
    fates: Record<string, string>,
    picks: readonly number[],
    twice: boolean,
  ): { events: RunEvent[]; state: RunState } {
    const events = decideOn([], start());
    const queues = new Map<string, RunCommand[]>();
    for (const pick of [...picks, ...picks.map(() => 0)]) {
      for (const request of requestsIn(events)) {
        if (!queues.has(request.actionId))
          queues.set(request.actionId, commandsFor(request, fates[request.action] ?? 'succeed'));
      }
      const open = [...queues.values()].filter((queue) => queue.length > 0);
      const command = open[pick % Math.max(open.length, 1)]?.shift();
      if (command === undefined) continue;
      events.push(...decideOn(events, command));
      if (twice) expect(decideOn(events, command)).toEqual([]);
    }
    return { events, state: fold(runDecider, events) };
  }

  it('ends, gives the same end in every order of results, and only events that fit the contract', () => {
    fc.assert(
      fc.property(course, ({ fates, picks, twice }) => {
        const { events, state } = play(fates, picks, twice);
        const inOrder = play(
          fates,
          picks.map(() => 0),
          false,
        );
        expect(['completed', 'failed']).toContain(state.status);
        expect(events.at(-1)).toEqual(inOrder.events.at(-1));
        expect(sortedSteps(state)).toEqual(sortedSteps(inOrder.state));
        for (const event of events) expect(findFieldErrors(runEvents[event.type].schema, event.data)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  const sortedSteps = (state: RunState) =>
    state.status === 'none' ? [] : [...state.steps].sort(([a], [b]) => a.localeCompare(b));
});
