import type { Playbook } from './model/playbook';
import { branchesOf, type Step, successorsOf } from './model/step';

/** A stretch of the flow that runs from one entry to its ends: the root, the exception handler, or a step's branch. */
export interface Scope {
  readonly kind: 'root' | 'exception' | 'branch';
  readonly entry: string;
  /** The step that forks into it. */
  readonly parent?: string;
}

/** Steps are looked up by their own keys only: `constructor` is no step. */
export function stepOf(playbook: Pick<Playbook, 'workflow'>, id: string): Step | undefined {
  return Object.hasOwn(playbook.workflow, id) ? playbook.workflow[id] : undefined;
}

/**
 * Which scopes reach each step. In a flow that can be executed every step belongs to one scope, so that it runs at most
 * once in a run and the state of a run is what became of each step.
 */
export function scopesOf(playbook: Playbook): ReadonlyMap<string, readonly Scope[]> {
  const reached = new Map<string, Scope[]>();
  const open: { id: string; scope: Scope }[] = [];
  const enter = (scope: Scope): void => void open.push({ id: scope.entry, scope });

  enter({ kind: 'root', entry: playbook.workflow_start });
  if (playbook.workflow_exception !== undefined) enter({ kind: 'exception', entry: playbook.workflow_exception });

  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { id, scope } = next;
    const step = stepOf(playbook, id);
    const scopes = reached.get(id) ?? [];
    if (step === undefined || scopes.includes(scope)) continue;
    reached.set(id, [...scopes, scope]);
    for (const successor of successorsOf(step)) open.push({ id: successor, scope });
    // The branches of a step are entered once, from the first scope that reaches it.
    if (scopes.length > 0) continue;
    for (const entry of new Set(branchesOf(step))) enter({ kind: 'branch', entry, parent: id });
  }
  return reached;
}
