import type { ActionRequest, Effect } from '#contracts/action';
import type { RunEvent } from '#contracts/events/run';
import { type FilledAction, type Intent, nextIntents, type Playbook, stepOf } from '#libs/cacao';
import { deterministicId } from '#libs/kernel';
import { evolveRun, progressOf, type RunState, type StartedRun } from './run-state';

/** What the orchestrator's own copy says of a registered connection. */
export interface ConnectionFacts {
  readonly connectionId: string;
  readonly version: number;
  readonly connector: string;
  readonly manifestVersion: string;
  /** The effect of each declared action. */
  readonly effects: ReadonlyMap<string, Effect>;
}

/** What a run follows: its playbook version, and the connections as they are known now. */
export interface RunFlow {
  readonly playbook: Playbook;
  readonly connections: ReadonlyMap<string, ConnectionFacts>;
}

/** A step runs at most once in a run, so that its first attempt is its only one. */
const ATTEMPT = 1;

export const actionIdOf = (runId: string, stepId: string): string => deterministicId('action', runId, stepId, ATTEMPT);

/**
 * Everything that follows from the state by itself: steps begin, branches are taken and joined, actions are asked for,
 * the run ends. It stops where every open step waits for the outside. `state` has been evolved by what was decided.
 */
export function advance(state: RunState, flow: RunFlow): RunEvent[] {
  const events: RunEvent[] = [];
  let run = state;
  while (run.status === 'running') {
    const started: StartedRun = run;
    const intents = nextIntents(flow.playbook, progressOf(started));
    const step = intents.flatMap((intent) => eventsOf(intent, started, flow));
    if (step.length === 0) break;
    for (const event of step) run = evolveRun(run, event);
    events.push(...step);
  }
  return events;
}

function eventsOf(intent: Intent, run: StartedRun, flow: RunFlow): RunEvent[] {
  const { runId, caseId } = run;
  const { stepId } = intent;
  switch (intent.kind) {
    case 'start_step': {
      const step = stepOf(flow.playbook, stepId);
      const kind = step?.type ?? 'missing';
      return [{ type: 'StepStarted', data: { runId, caseId, stepId, kind, name: step?.name ?? '', deadline: null } }];
    }
    case 'request_action':
      return requestAction(stepId, intent.action, run, flow);
    case 'complete_step':
      return [{ type: 'StepCompleted', data: { runId, caseId, stepId, outputs: {} } }];
    case 'fail_step':
      return [{ type: 'StepFailed', data: { runId, caseId, stepId, ...bounded(intent.trouble) } }];
    case 'complete_run':
      return [{ type: 'RunCompleted', data: { runId, caseId, stepId } }];
    case 'fail_run':
      return [{ type: 'RunFailed', data: { runId, caseId, stepId, ...bounded(intent.trouble) } }];
  }
}

/** A read goes out at once, without a warrant; everything else waits for the approval service. */
function requestAction(stepId: string, action: FilledAction, run: StartedRun, flow: RunFlow): RunEvent[] {
  const { runId, caseId } = run;
  const connection = flow.connections.get(action.connection);
  const fail = (code: string, reason: string): RunEvent[] => [
    { type: 'StepFailed', data: { runId, caseId, stepId, ...bounded({ code, reason }) } },
  ];
  if (connection === undefined) {
    return fail(
      'unknown_connection',
      `there is no connection ${action.connection}: register it, or change the playbook`,
    );
  }
  const effect = connection.effects.get(action.action);
  if (effect === undefined) {
    const known = [...connection.effects.keys()].sort().join(', ');
    return fail('unknown_action', `connection ${action.connection} has no action ${action.action}; it has ${known}`);
  }
  const actionId = actionIdOf(runId, stepId);
  const request = requestOf(actionId, stepId, action, connection, run, flow.playbook);
  const requested: RunEvent = { type: 'ActionRequested', data: { runId, caseId, stepId, actionId, request } };
  if (effect !== 'read') return [requested];
  return [requested, { type: 'ActionDispatched', data: { runId, caseId, stepId, actionId, request, warrant: null } }];
}

function requestOf(
  actionId: string,
  stepId: string,
  action: FilledAction,
  connection: ConnectionFacts,
  run: StartedRun,
  playbook: Playbook,
): ActionRequest {
  const step = stepOf(playbook, stepId);
  return {
    actionId,
    runId: run.runId,
    caseId: run.caseId,
    stepId,
    playbookId: run.playbookId,
    playbookDigest: run.playbookDigest,
    connectionId: connection.connectionId,
    connectionVersion: connection.version,
    connector: connection.connector,
    manifestVersion: connection.manifestVersion,
    action: action.action,
    target: action.target,
    parameters: action.parameters,
    title: step?.name || `${action.connection}: ${action.action}`,
    reason: step?.description ?? '',
    timeoutMs: action.timeoutMs,
  };
}

/** Codes and reasons come from outside too; the contract bounds them. */
export function bounded({ code, reason }: { code: string; reason: string }): { code: string; reason: string } {
  return { code: (code || 'failed').slice(0, 100), reason: (reason || 'no reason was given').slice(0, 4000) };
}
