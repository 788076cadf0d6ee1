import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject, JsonValue } from '#libs/kernel';
import { COUNTERSIGN_EXTENSION } from '../model/countersign-extension';
import { parseDocument } from '../parse-document';
import { actionStep, playbookDocument, stepId } from '../playbook-fixture';
import { findCredentials } from './check-credentials';
import { demandPlaybook, validatePlaybook } from './validate-playbook';

/** Real playbooks that lie beside a developer's checkout; where they do not, their tests count as skipped. */
const collected = join(__dirname, '../../../../shared/samples/playbooks/cacao');
const withSamples = existsSync(collected) ? describe : describe.skip;
const sample = (path: string): JsonObject => parseDocument(readFileSync(join(collected, path), 'utf8'), 'json');
const errorsOf = (document: JsonObject): string[] =>
  validatePlaybook(document)
    .findings.filter(({ severity }) => severity === 'error')
    .map(({ field, reason }) => `${field}: ${reason}`);
const notExecutableOf = (document: JsonObject): string[] =>
  validatePlaybook(document)
    .findings.filter(({ severity }) => severity === 'not_executable')
    .map(({ field, reason }) => `${field}: ${reason}`);

const [start, end, end2] = [stepId('start', 0), stepId('end', 1), stepId('end', 2)];
const [a, b] = [stepId('action', 1), stepId('action', 2)];
const ended = { type: 'end' };

const simple = (rest: JsonObject = {}, action: JsonObject = {}, step: JsonObject = {}): JsonObject =>
  playbookDocument(
    {
      [start]: { type: 'start', on_completion: a },
      [a]: actionStep({ on_completion: end }, action, step),
      [end]: ended,
    },
    rest,
  );
const workflowWith = (steps: Record<string, JsonValue>): JsonObject =>
  playbookDocument({ [start]: { type: 'start', on_completion: a }, [end]: ended, ...steps });

withSamples('playbooks of another engine', () => {
  it.each([
    'http-playbook',
    'integration-api-playbook',
    'manual-playbook',
    'openc2-playbook',
    'parallels_playbook',
    'playbook',
    'powershell-playbook',
    'ssh-playbook',
  ])('%s is accepted, and said not to be executable', (name) => {
    const document = sample(`valid/${name}.json`);
    expect(errorsOf(document)).toEqual([]);
    expect(validatePlaybook(document)).toMatchObject({ valid: true, executable: false });
    expect(notExecutableOf(document).join()).toContain('not executable in this release');
  });

  it.each([
    ['invalid/infinite_playbook.json', 'the flow never ends'],
    ['invalid/invalid_email_playbook.json', 'contact.email.work: must be an e-mail address'],
    ['invalid/invalid_playbook.json', '.type: is "invalid", but the key says "http-api"'],
    ['invalid/missing_step_playbook.json', 'on_completion: there is no step end--'],
    ['fails-schema/changed-playbook.json', 'workflow: must be of type object, but is a list'],
    ['fails-schema/fin-playbook.json', 'the key must be an identifier, type--uuid (two hyphens)'],
  ])('%s is refused: %s', (file, reason) => {
    expect(errorsOf(sample(file)).join('\n')).toContain(reason);
  });
});

describe('the shape of a playbook', () => {
  it('is accepted when it is right', () => {
    expect(validatePlaybook(simple())).toMatchObject({ valid: true, executable: true, findings: [] });
  });

  it.each<[string, JsonObject, string]>([
    ['a property that CACAO does not have', simple({ enabled: true }), 'enabled: is not a property'],
    [
      'an unknown property of a step',
      simple({}, {}, { on_timeout: end }),
      `workflow.${a}.on_timeout: is not a property`,
    ],
    [
      'an unknown property of a command',
      simple({}, {}, { commands: [{ type: 'bash', shell: 'sh' }], step_extensions: {} }),
      'commands[0].shell: is not',
    ],
    ['an unknown property of our action', simple({}, { effect: 'read' }), `${COUNTERSIGN_EXTENSION}.effect: is not`],
    ['a missing property', simple({ created: null }), 'created: must be of type string, but is null'],
    ['another specification', simple({ spec_version: '1.1' }), 'spec_version: must be "cacao-2.0", but is "1.1"'],
    ['a priority above 100', simple({ priority: 101 }), 'priority: must be <= 100'],
    [
      'an unknown step type',
      workflowWith({ [a]: { type: 'wait', on_completion: end } }),
      `workflow.${a}.type: must be a step type`,
    ],
    [
      'a key of another type',
      workflowWith({ [stepId('parallel', 1)]: actionStep({ on_completion: end }) }),
      "must begin with the step's type",
    ],
    [
      'on_completion beside on_failure',
      simple({}, {}, { on_failure: end }),
      'on_failure: must not stand beside on_completion',
    ],
    ['an action that leads nowhere', workflowWith({ [a]: actionStep({}) }), 'on_completion: is required'],
    [
      'an end that leads on',
      workflowWith({ [a]: actionStep({ on_completion: end }), [end]: { type: 'end', on_completion: a } }),
      `workflow.${end}.on_completion: is not a property`,
    ],
    [
      'a variable without underscores',
      simple({ playbook_variables: { name: { type: 'string' } } }),
      'a variable is named like __name__',
    ],
    [
      'a reserved variable name',
      simple({ playbook_variables: JSON.parse('{"__proto__": {"type": "string"}}') as JsonObject }),
      'this name is reserved',
    ],
    [
      'a mistyped value',
      simple({ playbook_variables: { __n__: { type: 'integer', value: 'many' } } }),
      'must be a whole number',
    ],
    [
      'our command without its extension',
      simple({}, {}, { step_extensions: { [COUNTERSIGN_EXTENSION]: {} } }),
      '.connection: is required',
    ],
    [
      'our command beside another',
      simple({}, {}, { commands: [{ type: 'countersign-action' }, { type: 'bash' }] }),
      'must be the only command',
    ],
  ])('%s is refused by name', (_, document, expected) => {
    expect(errorsOf(document).join('\n')).toContain(expected);
  });

  it('names every field that is wrong in one error', () => {
    const document = simple({ enabled: true, priority: 101 });
    expect(() => demandPlaybook(document)).toThrow(
      expect.objectContaining({ code: 'invalid_playbook', errors: [expect.anything(), expect.anything()] }),
    );
  });
});

describe('what a playbook refers to', () => {
  it.each<[string, JsonObject, string]>([
    [
      'a step that is not there',
      simple({}, {}, { on_completion: end2 }),
      `workflow.${a}.on_completion: there is no step ${end2}`,
    ],
    ['an inherited name', simple({ workflow_start: end2 }), 'workflow_start: there is no step'],
    ['an agent that is not there', simple({ agent_definitions: {} }), `workflow.${a}.agent: security-category--`],
    ['a target that is not there', simple({}, {}, { targets: [stepId('ssh', 1)] }), 'targets[0]: ssh--'],
    [
      'an extension that is not declared',
      simple({ extension_definitions: {} }),
      "(Countersign's extension) is not declared in extension_definitions",
    ],
    ['a marking that is not there', simple({ markings: [stepId('marking-tlp', 1)] }), 'markings[0]: marking-tlp--'],
    [
      'a variable that is not declared',
      simple({}, { parameters: { text: 'to __whom__:value' } }),
      'uses __whom__, which is not declared',
    ],
    [
      'a variable of the case that is not declared',
      simple({}, { parameters: { list: ['__source_ip__:value'] } }),
      'add it to playbook_variables with "external": true',
    ],
    ['an output into nothing', simple({}, { outputs: { id: '__id__' } }), 'outputs.id: __id__ is not declared'],
    [
      'an output into a constant',
      simple({ playbook_variables: { __id__: { type: 'string', constant: true } } }, { outputs: { id: '__id__' } }),
      '__id__ is a constant',
    ],
    [
      'a condition over nothing',
      workflowWith({
        [a]: actionStep({ on_completion: stepId('if-condition', 1) }),
        [stepId('if-condition', 1)]: {
          type: 'if-condition',
          condition: '__x__:value = 1',
          on_true: end2,
          on_completion: end,
        },
        [end2]: ended,
      }),
      'uses __x__',
    ],
    [
      'a trigger over nothing',
      simple({
        playbook_extensions: {
          [COUNTERSIGN_EXTENSION]: { triggers: [{ on: 'case_opened', when: '__x__:value = 1' }] },
        },
      }),
      'triggers[0].when: there is no variable __x__',
    ],
    [
      'a condition that is none',
      simple({
        playbook_extensions: {
          [COUNTERSIGN_EXTENSION]: { triggers: [{ on: 'case_opened', when: "__verdict__ = 'x'" }] },
        },
      }),
      'a variable is compared by its value',
    ],
  ])('%s is refused', (_, document, expected) => {
    expect(errorsOf(document).join('\n')).toContain(expected);
  });

  it('may use the variables of a case in a trigger without declaring them', () => {
    const triggers = [{ on: 'case_opened', when: "__verdict__:value = 'malicious' AND __score__:value > 80" }];
    expect(errorsOf(simple({ playbook_extensions: { [COUNTERSIGN_EXTENSION]: { triggers } } }))).toEqual([]);
  });
});

describe('the flow of a playbook', () => {
  const parallel = stepId('parallel', 1);
  const fork = (branches: readonly string[], steps: Record<string, JsonValue>): JsonObject =>
    workflowWith({
      [a]: actionStep({ on_completion: parallel }),
      [parallel]: { type: 'parallel', next_steps: [...branches], on_completion: end },
      ...steps,
    });

  it.each<[string, JsonObject, string]>([
    [
      'a cycle',
      workflowWith({ [a]: actionStep({ on_success: end, on_failure: b }), [b]: actionStep({ on_completion: a }) }),
      `the flow never ends: ${a} -> ${b} -> ${a}`,
    ],
    [
      'a step that nothing leads to',
      workflowWith({
        [a]: actionStep({ on_completion: end }),
        [b]: actionStep({ on_completion: end2 }),
        [end2]: ended,
      }),
      `workflow.${b}: no step leads to it`,
    ],
    [
      'two branches with one end',
      fork([b, end2], { [b]: actionStep({ on_completion: end2 }), [end2]: ended }),
      'every branch must end in an end step of its own',
    ],
  ])('%s is refused by the id of the step', (_, document, expected) => {
    expect(errorsOf(document).join('\n')).toContain(expected);
  });

  it('may share the last end between the flow and its exception handler', () => {
    expect(validatePlaybook(simple({ workflow_exception: end }))).toMatchObject({ valid: true, executable: true });
  });

  it.each<[string, JsonObject, string]>([
    [
      'a branch that ends in the main flow',
      fork([b, end2], { [b]: actionStep({ on_completion: end }), [end2]: ended }),
      'an end step of its own',
    ],
    ['an exception handler inside the flow', simple({ workflow_exception: a }), 'it could run twice'],
    [
      'a while step',
      workflowWith({
        [a]: actionStep({ on_completion: stepId('while-condition', 1) }),
        [stepId('while-condition', 1)]: {
          type: 'while-condition',
          condition: '1 = 1',
          on_true: end2,
          on_completion: end,
        },
        [end2]: ended,
      }),
      `workflow.${stepId('while-condition', 1)}: a while-condition step is not executable in this release`,
    ],
    [
      'a foreign command',
      simple(
        {},
        {},
        { commands: [{ type: 'bash', command: 'ls' }], step_extensions: undefined as unknown as JsonValue },
      ),
      `workflow.${a}.commands: commands of type bash are not executable`,
    ],
    ['a delay', simple({}, {}, { delay: 5 }), `workflow.${a}.delay`],
    ['a revoked playbook', simple({ revoked: true }), 'revoked'],
  ])('%s is valid and not executable', (_, document, expected) => {
    const plain = JSON.parse(JSON.stringify(document)) as JsonObject;
    expect(errorsOf(plain)).toEqual([]);
    expect(notExecutableOf(plain).join('\n')).toContain(expected);
    expect(validatePlaybook(plain).executable).toBe(false);
  });
});

describe('credentials in a playbook', () => {
  const credentials = (document: JsonObject): string[] =>
    findCredentials(demandPlaybook(document).playbook).map(({ field }) => field);

  it('are found where they stand', () => {
    const id = stepId('http-basic', 1);
    const info = (password: string): JsonObject => ({
      authentication_info_definitions: { [id]: { type: 'http-basic', user_id: 'admin', password } },
    });
    expect(credentials(simple(info('hunter2')))).toEqual([`authentication_info_definitions.${id}.password`]);
    expect(credentials(simple(info('secret://firewall')))).toEqual([]);
    expect(credentials(simple({}, { parameters: { headers: { 'X-API-Key': 'abc' } } }))).toEqual([
      `workflow.${a}.parameters.headers.X-API-Key`,
    ]);
  });
});

describe('the text of a playbook', () => {
  it('is JSON or YAML, in which on is a key and not a truth value', () => {
    expect(parseDocument('a: {on: yes, n: 1}', 'yaml')).toEqual({ a: { on: 'yes', n: 1 } });
    expect(parseDocument('{"a": 1}', 'yaml')).toEqual({ a: 1 });
  });

  it.each([
    ['{', 'json', 'invalid_json'],
    ['a: [1', 'yaml', 'invalid_playbook'],
    ['a: 1\na: 2', 'yaml', 'invalid_playbook'],
    ['- a', 'yaml', 'invalid_playbook'],
    [`{"a": ${'['.repeat(200)}${']'.repeat(200)}}`, 'json', 'invalid_playbook'],
    [`a: ${'['.repeat(200_000)}`, 'yaml', 'invalid_playbook'],
    ['{"a": "\\u0000"}', 'json', 'invalid_character'],
    [
      `a: &a [x, x]\n${Array.from({ length: 30 }, (_, n) => `b${n}: &b${n} [${n === 0 ? '*a, *a' : `*b${n - 1}, *b${n - 1}`}]`).join('\n')}`,
      'yaml',
      'invalid_playbook',
    ],
  ] as const)('%s as %s is refused with %s', (text, format, code) => {
    expect(() => parseDocument(text, format)).toThrow(expect.objectContaining({ code }));
  });
});
