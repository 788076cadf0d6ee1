import fc from 'fast-check';
import type { ActionManifest, ActionRequest } from '#contracts/action';
import { visibleLines, visibleText, visibleValue } from './visible-text';
import { actionWording, activationWording } from './wording';

const manifest = (wording: string): ActionManifest => ({
  name: 'block',
  title: 'Block',
  description: '',
  effect: 'disruptive',
  inverse: 'unblock',
  idempotent: true,
  preview: false,
  targetTypes: [],
  input: {},
  output: {},
  wording,
});
const request = (change: Partial<ActionRequest> = {}): ActionRequest => ({
  actionId: '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c11',
  runId: '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c12',
  caseId: null,
  stepId: 'action--1',
  playbookId: 'playbook--1',
  playbookDigest: 'a'.repeat(64),
  connectionId: 'edge',
  connectionVersion: 1,
  connector: 'firewall',
  manifestVersion: 'b'.repeat(64),
  action: 'block',
  target: { type: 'ipv4-addr', value: '203.0.113.7' },
  parameters: { minutes: 60, ticket: { id: 'T-1' } },
  title: 'Harmless',
  reason: 'Nothing happens',
  timeoutMs: 1,
  ...change,
});
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/u;

describe('the wording of an action', () => {
  it('fills the manifest template from the raw action', () => {
    const template = 'Block {target.value} for {parameters.minutes} minutes, ticket {parameters.ticket.id}';
    expect(actionWording(manifest(template), request(), 'edge')).toBe(
      'Block 203.0.113.7 for 60 minutes, ticket T-1 (block by edge)',
    );
    expect(actionWording(manifest('Block {target}'), request(), 'edge')).toBe(
      'Block ipv4-addr 203.0.113.7 (block by edge)',
    );
  });

  it('says what is not given, and reads no inherited properties', () => {
    const wording = actionWording(
      manifest('{target.value} {parameters.none} {parameters.constructor}'),
      request({ target: null }),
      'edge',
    );
    expect(wording).toBe('(not given) (not given) (not given) (block by edge)');
  });

  it('quotes a value that could pose as words of ours', () => {
    const target = { type: 'ipv4-addr', value: '203.0.113.7" (approved by the owner)' };
    expect(actionWording(manifest('Block {target.value}'), request({ target }), 'edge')).toBe(
      'Block "203.0.113.7\\" (approved by the owner)" (block by edge)',
    );
  });

  it('shows controls, terminal sequences and bidi overrides instead of obeying them', () => {
    expect(visibleText('a\u001b[2Kb\u202ec\u200bd\u0000')).toBe('a\\u{1b}[2Kb\\u{202e}c\\u{200b}d\\u{0}');
    expect(visibleLines('one\r\ntwo\u0007')).toBe('one\ntwo\\u{7}');
  });

  it('does not expand placeholders inside of values', () => {
    const target = { type: 'x', value: '{parameters.minutes}' };
    expect(actionWording(manifest('Block {target.value}'), request({ target }), 'edge')).toContain(
      'Block "{parameters.minutes}"',
    );
  });

  it('holds nothing hidden and never more than 1000 characters, whatever the values', () => {
    const text = fc.string({ unit: 'binary', maxLength: 2048 });
    fc.assert(
      fc.property(text, text, text, (value, parameter, name) => {
        const wording = actionWording(
          manifest('Block {target.value} {parameters.p} {parameters}'),
          request({ target: { type: 'x', value }, parameters: { p: parameter } }),
          name,
        );
        expect(HIDDEN.test(wording)).toBe(false);
        expect([...wording].length).toBeLessThanOrEqual(1000);
      }),
    );
  });

  it('counts what it cuts off', () => {
    expect(visibleValue('a'.repeat(250))).toBe(`"${'a'.repeat(200)}…(+50 characters)"`);
    expect([...activationWording('x'.repeat(5000), 'f'.repeat(64))].length).toBeLessThanOrEqual(1000);
  });
});
