import type { Playbook } from '../model/playbook';
import { branchesOf, successorsOf } from '../model/step';
import { type Scope, scopesOf, stepOf } from '../scopes';
import { error, type Finding, notExecutable } from './finding';

/** The flow as a graph: every step is reached, none twice, and it comes to an end. Expects references that are right. */
export function checkFlow(playbook: Playbook): Finding[] {
  const cycles = findCycles(playbook);
  if (cycles.length > 0) {
    return cycles.map((path) => error(`workflow.${path[0] ?? ''}`, `the flow never ends: ${path.join(' -> ')}`));
  }
  const scopes = scopesOf(playbook);
  const unreachable = Object.keys(playbook.workflow)
    .filter((id) => !scopes.has(id))
    .map((id) => error(`workflow.${id}`, 'no step leads to it: it would never run'));
  return [...unreachable, ...checkScopes(playbook, scopes)];
}

/** One cycle for each step that closes one, as the steps on it. Depth first, without recursion: flows can be long. */
function findCycles(playbook: Playbook): string[][] {
  const done = new Set<string>();
  const cycles: string[][] = [];
  for (const root of Object.keys(playbook.workflow)) {
    const path: { id: string; next: string[] }[] = [];
    const visit = (id: string): void => {
      const start = path.findIndex((visited) => visited.id === id);
      if (start >= 0) cycles.push([...path.slice(start).map((visited) => visited.id), id]);
      else if (!done.has(id)) path.push({ id, next: nextOf(playbook, id) });
    };
    visit(root);
    for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
      const next = last.next.pop();
      if (next !== undefined) visit(next);
      else done.add(path.pop()?.id ?? '');
    }
  }
  return cycles;
}

function nextOf(playbook: Playbook, id: string): string[] {
  const step = stepOf(playbook, id);
  return step === undefined ? [] : [...successorsOf(step), ...branchesOf(step)].reverse();
}

/** CACAO 2.0, sections 4.6 to 4.9: each branch ends in an end step of its own, so that it is known where it returns. */
function checkScopes(playbook: Playbook, scopes: ReadonlyMap<string, readonly Scope[]>): Finding[] {
  return [...scopes].flatMap(([id, reachedBy]) => {
    const [first, second] = reachedBy;
    if (first === undefined || second === undefined) return [];
    const at = `workflow.${id}`;
    if (reachedBy.every(({ kind }) => kind !== 'branch')) {
      // The root's end is also where an exception handler may end: only one of the two gets there.
      return stepOf(playbook, id)?.type === 'end'
        ? []
        : [notExecutable(at, 'is part of the flow and of workflow_exception: it could run twice')];
    }
    const siblings = reachedBy.every(({ parent }) => parent === first.parent);
    const reason = `is reached from ${describe(first)} and from ${describe(second)}: every branch must end in an end step of its own`;
    return [siblings ? error(at, reason) : notExecutable(at, reason)];
  });
}

function describe(scope: Scope): string {
  if (scope.kind === 'branch') return `the branch ${scope.entry} of ${scope.parent}`;
  return scope.kind === 'root' ? 'the main flow' : 'workflow_exception';
}
