import fc from 'fast-check';
import type { JsonObject, JsonValue } from '#libs/kernel';
import type { Playbook } from '../model/playbook';
import { actionStep, playbookDocument, stepId } from '../playbook-fixture';
import { demandPlaybook } from '../validation/validate-playbook';
import { assignOutputs } from './fill-action';
import { nextIntents } from './next-intents';
import type { Intent, RunProgress, StepProgress } from './run-progress';

type Result = { readonly outputs: JsonObject } | { readonly code: string };

/** Runs a playbook against answers by step, in the order that `pick` chooses among the waiting steps. */
function play(playbook: Playbook, answer: (id: string) => Result, pick: (waiting: string[]) => number) {
  const steps = new Map<string, StepProgress>();
  const progress: RunProgress = { variables: new Map(), steps };
  const asked: string[] = [];
  const texts = new Map<string, JsonValue>();
  const waiting: string[] = [];
  for (let round = 0; round < 10_000; round += 1) {
    const intents = nextIntents(playbook, progress);
    // Replay: the same events give the same answer.
    if (round % 13 === 0)
      expect(nextIntents(playbook, { variables: new Map(), steps: new Map(steps) })).toEqual(intents);
    const [intent] = intents;
    if (intent?.kind === 'complete_run' || intent?.kind === 'fail_run') return { end: intent, asked, texts, steps };
    if (intent === undefined) {
      const [id = ''] = waiting.splice(pick(waiting), 1);
      const step = playbook.workflow[id];
      const result = answer(id);
      if (step === undefined) throw new Error('nothing waits, and the run has not ended');
      steps.set(
        id,
        'code' in result
          ? { status: 'failed', trouble: { code: result.code, reason: result.code } }
          : { status: 'completed', outputs: assignOutputs(playbook, step, result.outputs) },
      );
      continue;
    }
    apply(intent, steps);
    if (intent.kind === 'request_action') {
      asked.push(intent.stepId);
      texts.set(intent.stepId, intent.action.parameters);
      waiting.push(intent.stepId);
    }
  }
  throw new Error('the run does not end');
}

function apply(intent: Intent, steps: Map<string, StepProgress>): void {
  if (intent.kind === 'start_step') {
    if (steps.has(intent.stepId)) throw new Error(`${intent.stepId} was started twice`);
    steps.set(intent.stepId, { status: 'started' });
  }
  if (intent.kind === 'request_action') steps.set(intent.stepId, { status: 'waiting' });
  if (intent.kind === 'complete_step') steps.set(intent.stepId, { status: 'completed', outputs: {} });
  if (intent.kind === 'fail_step') steps.set(intent.stepId, { status: 'failed', trouble: intent.trouble });
}

const playbookOf = (workflow: Record<string, JsonValue>, rest: JsonObject = {}): Playbook => {
  const { playbook, validation } = demandPlaybook(playbookDocument(workflow, rest));
  expect(validation.findings).toEqual([]);
  return playbook;
};

const [start, end, end2, end3] = [stepId('start', 0), stepId('end', 1), stepId('end', 2), stepId('end', 3)];
const [a, b, c] = [stepId('action', 1), stepId('action', 2), stepId('action', 3)];
const ended = { type: 'end' };
const well = (): Result => ({ outputs: {} });
const first = (): number => 0;

describe('the interpreter', () => {
  it('goes from step to step and ends at the end', () => {
    const playbook = playbookOf({
      [start]: { type: 'start', on_completion: a },
      [a]: actionStep({ on_completion: b }),
      [b]: actionStep({ on_success: end }),
      [end]: ended,
    });
    const run = play(playbook, well, first);
    expect(run.end).toEqual({ kind: 'complete_run', stepId: end });
    expect(run.asked).toEqual([a, b]);
  });

  it('follows on_failure, and is completed when that leads to an end', () => {
    const playbook = playbookOf({
      [start]: { type: 'start', on_completion: a },
      [a]: actionStep({ on_success: end, on_failure: b }),
      [b]: actionStep({ on_completion: end2 }),
      [end]: ended,
      [end2]: ended,
    });
    const run = play(playbook, (id) => (id === a ? { code: 'denied' } : { outputs: {} }), first);
    expect(run.end).toEqual({ kind: 'complete_run', stepId: end2 });
  });

  it('hands a failure that nobody follows to workflow_exception, and fails without one', () => {
    const workflow = {
      [start]: { type: 'start', on_completion: a },
      [a]: actionStep({ on_completion: end }),
      [end]: ended,
    };
    const fails = (id: string): Result => (id === a ? { code: 'denied' } : { outputs: {} });
    expect(play(playbookOf(workflow), fails, first).end).toEqual({
      kind: 'fail_run',
      stepId: a,
      trouble: { code: 'denied', reason: 'denied' },
    });
    const handled = playbookOf(
      { ...workflow, [b]: actionStep({ on_completion: end2 }), [end2]: ended },
      { workflow_exception: b },
    );
    expect(play(handled, fails, first).end).toEqual({ kind: 'complete_run', stepId: end2 });
    expect(play(handled, () => ({ code: 'denied' }), first).end).toMatchObject({ kind: 'fail_run', stepId: b });
  });

  it('joins what parallel branches set in the order of the branches, whichever comes first', () => {
    const parallel = stepId('parallel', 1);
    const playbook = playbookOf(
      {
        [start]: { type: 'start', on_completion: parallel },
        [parallel]: { type: 'parallel', next_steps: [a, b], on_completion: c },
        [a]: actionStep({ on_completion: end2 }, { outputs: { said: '__last__', only_a: '__a__' } }),
        [b]: actionStep(
          { on_completion: end3 },
          { outputs: { said: '__last__' }, parameters: { text: '__last__:value' } },
        ),
        [c]: actionStep(
          { on_completion: end },
          { parameters: { text: '__last__:value and __a__:value, __n__:value' } },
        ),
        [end]: ended,
        [end2]: ended,
        [end3]: ended,
      },
      {
        playbook_variables: {
          __last__: { type: 'string', value: 'nothing' },
          __a__: { type: 'string' },
          __n__: { type: 'integer', value: '7' },
        },
      },
    );
    const says = (id: string): Result => ({ outputs: { said: id === a ? 'a' : 'b', only_a: '__n__:value' } });
    for (const pick of [first, (waiting: string[]): number => waiting.length - 1]) {
      const run = play(playbook, says, pick);
      expect(run.texts.get(b)).toEqual({ text: 'nothing' });
      // A value is never read as a template again.
      expect(run.texts.get(c)).toEqual({ text: 'b and __n__:value, 7' });
    }
  });

  it('lets the other branches come to their end before a parallel step fails', () => {
    const parallel = stepId('parallel', 1);
    const playbook = playbookOf({
      [start]: { type: 'start', on_completion: parallel },
      [parallel]: { type: 'parallel', next_steps: [a, b], on_success: end, on_failure: c },
      [a]: actionStep({ on_completion: end2 }),
      [b]: actionStep({ on_completion: end3 }),
      [c]: actionStep({ on_completion: stepId('end', 4) }),
      [end]: ended,
      [end2]: ended,
      [end3]: ended,
      [stepId('end', 4)]: ended,
    });
    const run = play(playbook, (id) => (id === a ? { code: 'denied' } : { outputs: {} }), first);
    expect(run.asked).toEqual([a, b, c]);
    expect(run.steps.get(b)?.status).toBe('completed');
    expect(run.end).toEqual({ kind: 'complete_run', stepId: stepId('end', 4) });
  });

  it('takes the branch of an if by the outputs so far, returns to it and goes on', () => {
    const test = stepId('if-condition', 1);
    const playbook = playbookOf(
      {
        [start]: { type: 'start', on_completion: a },
        [a]: actionStep({ on_completion: test }, { outputs: { score: '__score__' } }),
        [test]: { type: 'if-condition', condition: '__score__:value > 50', on_true: b, on_completion: c },
        [b]: actionStep({ on_completion: end2 }),
        [c]: actionStep({ on_completion: end }),
        [end]: ended,
        [end2]: ended,
      },
      { playbook_variables: { __score__: { type: 'integer' } } },
    );
    const scored = (score: JsonValue) => play(playbook, () => ({ outputs: { score } }), first).asked;
    expect(scored(90)).toEqual([a, b, c]);
    expect(scored(10)).toEqual([a, c]);
    expect(play(playbook, well, first).asked).toEqual([a, c]);
  });

  it('fails a step whose target has no value, and asks for nothing', () => {
    const playbook = playbookOf(
      {
        [start]: { type: 'start', on_completion: a },
        [a]: actionStep({ on_completion: end }, { target: { type: 'account', value: '__user__:value' } }),
        [end]: ended,
      },
      { playbook_variables: { __user__: { type: 'string', external: true } } },
    );
    const run = play(playbook, well, first);
    expect(run.asked).toEqual([]);
    expect(run.end).toMatchObject({ kind: 'fail_run', stepId: a, trouble: { code: 'invalid_field' } });
  });
});

/** A flow of nested steps, as a tree: what generates documents that are valid by construction. */
type Flow = readonly Node[];
type Node =
  | { readonly kind: 'action'; readonly outcome: boolean; readonly value: number; readonly onFailure: Flow | undefined }
  | { readonly kind: 'parallel'; readonly branches: readonly Flow[]; readonly onFailure: Flow | undefined }
  | { readonly kind: 'if'; readonly than: number; readonly onTrue: Flow; readonly onFalse: Flow | undefined };

const { flow } = fc.letrec<{ flow: Flow; node: Node }>((tie) => ({
  flow: fc.array(tie('node'), { maxLength: 3, depthIdentifier: 'flow' }),
  node: fc.oneof(
    { depthSize: 'small', depthIdentifier: 'flow', withCrossShrink: true },
    fc.record({
      kind: fc.constant('action' as const),
      outcome: fc.boolean(),
      value: fc.nat(9),
      onFailure: fc.option(tie('flow'), { nil: undefined, depthIdentifier: 'flow' }),
    }),
    fc.record({
      kind: fc.constant('parallel' as const),
      branches: fc.array(tie('flow'), { minLength: 2, maxLength: 3 }),
      onFailure: fc.option(tie('flow'), { nil: undefined, depthIdentifier: 'flow' }),
    }),
    fc.record({
      kind: fc.constant('if' as const),
      than: fc.nat(9),
      onTrue: tie('flow'),
      onFalse: fc.option(tie('flow'), { nil: undefined, depthIdentifier: 'flow' }),
    }),
  ),
}));

function build(root: Flow, exception: Flow | undefined) {
  const workflow: Record<string, JsonValue> = {};
  const results = new Map<string, Result>();
  let count = 0;
  const fresh = (type: string): string => stepId(type, (count += 1));

  /** Writes a flow and gives the id of its first step. */
  const write = (nodes: Flow): string => {
    const [node, ...rest] = nodes;
    if (node === undefined) {
      const id = fresh('end');
      workflow[id] = ended;
      return id;
    }
    const next = write(rest);
    if (node.kind === 'if') {
      const id = fresh('if-condition');
      const onFalse = node.onFalse && write(node.onFalse);
      workflow[id] = {
        type: 'if-condition',
        condition: `__v__:value < ${node.than}`,
        on_true: write(node.onTrue),
        ...(onFalse !== undefined && { on_false: onFalse }),
        on_completion: next,
      };
      return id;
    }
    const onFailure = node.onFailure && write(node.onFailure);
    const onward: JsonObject =
      onFailure === undefined ? { on_completion: next } : { on_success: next, on_failure: onFailure };
    const id = fresh(node.kind);
    if (node.kind === 'action') {
      workflow[id] = actionStep(onward, { outputs: { v: '__v__' }, parameters: { v: '__v__:value' } });
      results.set(id, node.outcome ? { outputs: { v: node.value } } : { code: 'refused' });
    } else {
      workflow[id] = { type: 'parallel', next_steps: node.branches.map(write), ...onward };
    }
    return id;
  };

  const begin = write(root);
  workflow[start] = { type: 'start', on_completion: begin };
  const handler: JsonObject = exception === undefined ? {} : { workflow_exception: write(exception) };
  const playbook = playbookOf(workflow, { playbook_variables: { __v__: { type: 'integer', value: '5' } }, ...handler });
  return { playbook, answer: (id: string): Result => results.get(id) ?? { code: 'nobody' } };
}

describe('any valid playbook', () => {
  it('ends, runs no step twice, and ends the same whatever order the results come in', () => {
    fc.assert(
      fc.property(flow, fc.option(flow, { nil: undefined }), fc.infiniteStream(fc.nat()), (root, exception, order) => {
        const { playbook, answer } = build(root, exception);
        const inOrder = play(playbook, answer, first);
        const shuffled = play(playbook, answer, (waiting) => Number(order.next().value) % waiting.length);
        expect(shuffled.end).toEqual(inOrder.end);
        expect(new Map([...shuffled.steps].sort())).toEqual(new Map([...inOrder.steps].sort()));
        expect(new Map([...shuffled.texts].sort())).toEqual(new Map([...inOrder.texts].sort()));
      }),
      { numRuns: 60 },
    );
  });
});
