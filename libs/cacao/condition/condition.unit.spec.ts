import fc from 'fast-check';
import { DomainError } from '#libs/kernel';
import type { TypedValue } from '../variable-value';
import { evaluateCondition } from './evaluate-condition';
import { parseCondition } from './parse-condition';

const variables: Record<string, TypedValue> = {
  __verdict__: { type: 'string', value: 'malicious' },
  __score__: { type: 'integer', value: '92' },
  __ratio__: { type: 'float', value: '0.5' },
  __known__: { type: 'bool', value: 'true' },
  __host__: { type: 'string', value: 'srv-7.example.org' },
  __user__: { type: 'string', value: null },
  __details__: { type: 'dictionary', value: {} },
  '__with-hyphen__': { type: 'string', value: "it's" },
};
const evaluate = (text: string): boolean =>
  evaluateCondition(text, (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined));

function refusal(text: string): string {
  try {
    evaluate(text);
  } catch (error) {
    if (error instanceof DomainError) return error.reason;
    throw error;
  }
  throw new Error(`${text} was not refused`);
}

describe('a CACAO condition', () => {
  it.each([
    ["__verdict__:value = 'malicious'", true],
    ["__verdict__:value == 'benign'", false],
    ["__verdict__:value != 'benign'", true],
    ["NOT __verdict__:value = 'benign'", true],
    ['__score__:value >= 80', true],
    ["__score__:value > '92'", false],
    ['__score__:value = 92', true],
    ['__score__:value < 92.5', true],
    ['__score__:value <= -1', false],
    ['__ratio__:value > 0', true],
    ['__ratio__:value < __score__:value', true],
    ['__known__:value = true', true],
    ["__known__:value != 'true'", false],
    ["__verdict__:value IN ('suspicious', 'malicious')", true],
    ["__verdict__:value NOT IN ('suspicious', 'malicious')", false],
    ['__score__:value IN (1, 92)', true],
    ["__host__:value LIKE 'srv-%'", true],
    ["__host__:value LIKE 'srv_7.example.org'", true],
    ["__host__:value LIKE 'srv-7xexample.org'", false],
    ["__with-hyphen__:value = 'it\\'s'", true],
    ["__verdict__:value = 'benign' OR __score__:value > 90 AND __known__:value = true", true],
    ["(__verdict__:value = 'benign' OR __score__:value > 90) AND __known__:value = false", false],
  ])('%s is %s', (text, expected) => {
    expect(evaluate(text)).toBe(expected);
  });

  it('treats a variable without a value as equal to nothing, and neither smaller nor greater', () => {
    expect(evaluate("__user__:value = 'root'")).toBe(false);
    expect(evaluate("__user__:value != 'root'")).toBe(true);
    expect(evaluate("__user__:value < 'root'")).toBe(false);
    expect(evaluate("__user__:value IN ('root')")).toBe(false);
    expect(evaluate("__user__:value LIKE '%'")).toBe(false);
  });

  it.each([
    ['__nobody__:value = 1', 'there is no variable __nobody__'],
    ["__score__:value = 'many'", "'many' is not a whole number"],
    ['__details__:value = 1', 'is a dictionary'],
    ['__verdict__:value = __score__:value', 'different types'],
    ['__known__:value > true', '= and != only'],
    ['__verdict__ = 1', '__name__:value'],
    ['__verdict__:value = "x"', 'single quotes'],
    ["__verdict__:value = 'x", 'no closing quote'],
    ["__verdict__:value ~ 'x'", 'not part of a comparison'],
    ["__verdict__:value 'x'", 'one of =, !='],
    ["(__verdict__:value = 'x'", 'closing )'],
    ["__verdict__:value = 'x' __known__:value = true", 'AND, OR or the end'],
    ['', 'a variable'],
    ['('.repeat(60), 'nesting'],
    [`__verdict__:value = '${'x'.repeat(5000)}'`, 'at most'],
  ])('%s is refused: %s', (text, reason) => {
    expect(refusal(text)).toContain(reason);
  });

  it('compares any text exactly, whatever characters it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), fc.string({ maxLength: 50 }), (value, other) => {
        const lookup = (): TypedValue => ({ type: 'string', value });
        const quoted = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
        expect(evaluateCondition(`__v__:value = ${quoted(value)}`, lookup)).toBe(true);
        expect(evaluateCondition(`__v__:value = ${quoted(other)}`, lookup)).toBe(value === other);
      }),
    );
  });

  it('either parses or is refused with a position, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), (text) => {
        try {
          parseCondition(text);
        } catch (error) {
          expect(error).toBeInstanceOf(DomainError);
        }
      }),
    );
  });
});
