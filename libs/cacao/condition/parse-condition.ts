import type { Condition, Operand, Operator } from './condition';
import { refuse, type Token, tokensOf } from './tokens';

const OPERATORS: Readonly<Record<string, Operator>> = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '<>': '!=',
  '<': '<',
  '>': '>',
  '<=': '<=',
  '>=': '>=',
};

/** Deeper nesting helps nobody, and every parser behind this one is recursive. */
const MAX_NESTING = 50;

/**
 * Parses `__verdict__:value = 'malicious' AND (__score__:value >= 80 OR NOT __user__:value IN ('root', 'admin'))`.
 * AND binds closer than OR; NOT may stand before a comparison or before its operator.
 * @throws DomainError('invalid_playbook') that names the position and what was expected there.
 */
export function parseCondition(text: string): Condition {
  return new Parser(text).whole();
}

class Parser {
  private readonly tokens: readonly Token[];
  private next = 0;
  private nesting = 0;

  constructor(private readonly text: string) {
    this.tokens = tokensOf(text);
  }

  whole(): Condition {
    const condition = this.or();
    if (this.peek().kind !== 'end') throw this.refuse('AND, OR or the end was expected');
    return condition;
  }

  private or(): Condition {
    return this.joined('or', 'OR', () => this.and());
  }

  private and(): Condition {
    return this.joined('and', 'AND', () => this.not());
  }

  private joined(kind: 'and' | 'or', word: string, part: () => Condition): Condition {
    const parts = [part()];
    while (this.takeWord(word)) parts.push(part());
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind, parts };
  }

  private not(): Condition {
    if (this.takeWord('NOT')) return { kind: 'not', part: this.nested(() => this.not()) };
    if (!this.takeMark('(')) return this.comparison();
    const inside = this.nested(() => this.or());
    if (!this.takeMark(')')) throw this.refuse('a closing ) was expected');
    return inside;
  }

  private comparison(): Condition {
    const left = this.operand();
    if (this.takeWord('NOT')) return { kind: 'not', part: this.comparisonOf(left) };
    return this.comparisonOf(left);
  }

  private comparisonOf(left: Operand): Condition {
    if (this.takeWord('IN')) return { kind: 'in', left, values: this.list() };
    if (this.takeWord('LIKE')) return { kind: 'like', left, pattern: this.pattern() };
    const token = this.peek();
    const operator = token.kind === 'operator' ? OPERATORS[token.text] : undefined;
    if (operator === undefined) throw this.refuse('one of =, !=, <, >, <=, >=, IN, LIKE was expected');
    this.next += 1;
    return { kind: 'compare', operator, left, right: this.operand() };
  }

  private list(): Operand[] {
    if (!this.takeMark('(')) throw this.refuse('a list in brackets was expected after IN');
    const values = [this.operand()];
    while (this.takeMark(',')) values.push(this.operand());
    if (!this.takeMark(')')) throw this.refuse('a comma or the closing ) of the list was expected');
    return values;
  }

  private pattern(): string {
    const operand = this.operand();
    if (operand.kind !== 'text')
      throw this.refuse("a text was expected after LIKE, with % and _ as wildcards: 'srv-%'");
    return operand.text;
  }

  private operand(): Operand {
    const token = this.peek();
    const operand = operandOf(token);
    if (operand === undefined) throw this.refuse("a variable (__name__:value), a text ('x') or a number was expected");
    this.next += 1;
    return operand;
  }

  private nested(inside: () => Condition): Condition {
    this.nesting += 1;
    if (this.nesting > MAX_NESTING) throw this.refuse(`more than ${MAX_NESTING} levels of nesting`);
    const condition = inside();
    this.nesting -= 1;
    return condition;
  }

  private takeWord(word: string): boolean {
    const token = this.peek();
    const found = token.kind === 'word' && token.text.toUpperCase() === word;
    if (found) this.next += 1;
    return found;
  }

  private takeMark(mark: string): boolean {
    const token = this.peek();
    const found = token.kind === 'mark' && token.text === mark;
    if (found) this.next += 1;
    return found;
  }

  private peek(): Token {
    return this.tokens[this.next] ?? { kind: 'end', text: '', at: this.text.length };
  }

  private refuse(reason: string) {
    return refuse(this.text, this.peek().at, reason);
  }
}

function operandOf(token: Token): Operand | undefined {
  switch (token.kind) {
    case 'variable':
      return { kind: 'variable', name: token.text.slice(0, -':value'.length) };
    case 'text':
      return { kind: 'text', text: token.text.slice(1, -1).replace(/\\(.)/gs, '$1') };
    case 'number':
      return { kind: 'number', text: token.text };
    case 'word':
      return /^(true|false)$/i.test(token.text) ? { kind: 'bool', text: token.text.toLowerCase() } : undefined;
    default:
      return undefined;
  }
}
