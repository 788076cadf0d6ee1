import { DomainError } from '#libs/kernel';

export type Token =
  | {
      readonly kind: 'variable' | 'text' | 'number' | 'word' | 'operator' | 'mark';
      readonly text: string;
      readonly at: number;
    }
  | { readonly kind: 'end'; readonly text: ''; readonly at: number };

export const MAX_CONDITION_LENGTH = 4000;

const PATTERNS: readonly (readonly [Exclude<Token['kind'], 'end'>, RegExp])[] = [
  ['variable', /__[a-zA-Z_][\w-]{0,199}?__:value/y],
  ['text', /'(?:[^'\\]|\\.)*'/y],
  ['number', /[+-]?\d+(?:\.\d+)?/y],
  ['word', /[A-Za-z]+/y],
  ['operator', /<=|>=|!=|<>|==|=|<|>/y],
  ['mark', /[(),]/y],
];
const BLANK = /\s+/y;

/** The words of a condition. @throws DomainError('invalid_playbook') naming the position of what is not one. */
export function tokensOf(condition: string): Token[] {
  if (condition.length > MAX_CONDITION_LENGTH) {
    throw refuse(condition, MAX_CONDITION_LENGTH, `a condition may have at most ${MAX_CONDITION_LENGTH} characters`);
  }
  const tokens: Token[] = [];
  let at = 0;
  while (at < condition.length) {
    const blank = match(BLANK, condition, at);
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    const found = PATTERNS.map(([kind, pattern]) => ({ kind, text: match(pattern, condition, at) })).find(
      ({ text }) => text !== undefined,
    );
    if (found?.text === undefined) throw refuse(condition, at, hintFor(condition, at));
    tokens.push({ kind: found.kind, text: found.text, at });
    at += found.text.length;
  }
  return [...tokens, { kind: 'end', text: '', at }];
}

export function refuse(condition: string, at: number, reason: string): DomainError {
  const near = condition.slice(at, at + 30);
  return new DomainError('invalid_playbook', {
    field: 'condition',
    reason: `${reason}${near === '' ? ' (at the end)' : ` (at character ${at + 1}: ${near})`}`,
  });
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function hintFor(condition: string, at: number): string {
  const rest = condition.slice(at);
  if (rest.startsWith('__')) return 'a variable is compared by its value: __name__:value';
  if (rest.startsWith('"')) return "a text stands between single quotes, like 'malicious'";
  if (rest.startsWith("'")) return 'this text has no closing quote';
  return 'this is not part of a comparison';
}
