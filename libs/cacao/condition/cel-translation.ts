import { DomainError } from '#libs/kernel';
import { isIntegerType } from '../variable-value';
import type { Condition, Operand } from './condition';

type CelType = 'int' | 'double' | 'bool' | 'string';

/** The CEL expression of a condition, and the variables that are bound to it as `v0`, `v1`, ... */
export interface CelExpression {
  readonly text: string;
  readonly names: readonly string[];
}

/**
 * Translates a condition into CEL. CEL is strictly typed, so that each literal is written in the declared type of the
 * variable it is compared with. A variable without a value equals nothing and is neither smaller nor greater.
 * @param typeOf the declared type of a variable; undefined when there is no such variable.
 * @throws DomainError('invalid_playbook') for an unknown variable and for what cannot be compared.
 */
export function translateToCel(condition: Condition, typeOf: (name: string) => string | undefined): CelExpression {
  const names: string[] = [];
  const nameInCel = (name: string): string => {
    if (!names.includes(name)) names.push(name);
    return `v${names.indexOf(name)}`;
  };
  const declared = (name: string): CelType => celTypeOf(name, typeOf(name));

  const write = (part: Condition): string => {
    switch (part.kind) {
      case 'and':
      case 'or':
        return part.parts.map((inner) => `(${write(inner)})`).join(part.kind === 'and' ? ' && ' : ' || ');
      case 'not':
        return `!(${write(part.part)})`;
      case 'compare': {
        const type = commonType([part.left, part.right], declared);
        const [left, right] = [part.left, part.right].map((operand) => operandInCel(operand, type));
        if (part.operator === '=') return `${left} == ${right}`;
        if (part.operator === '!=') return `${left} != ${right}`;
        if (type === 'bool') throw refuse('true and false can be compared with = and != only');
        return guarded([part.left, part.right], `${left} ${part.operator} ${right}`);
      }
      case 'in': {
        const type = commonType([part.left, ...part.values], declared);
        const [left, ...values] = [part.left, ...part.values].map((operand) => operandInCel(operand, type));
        return guarded([part.left], `${left} in [${values.join(', ')}]`);
      }
      case 'like': {
        const type = commonType([part.left], declared);
        if (type !== 'string') throw refuse('LIKE compares texts');
        return guarded(
          [part.left],
          `${operandInCel(part.left, type)}.matches(${JSON.stringify(likePattern(part.pattern))})`,
        );
      }
    }
  };

  const guarded = (operands: readonly Operand[], text: string): string => {
    const guards = operands.flatMap((operand) =>
      operand.kind === 'variable' ? [`${nameInCel(operand.name)} != null && `] : [],
    );
    return `(${guards.join('')}${text})`;
  };

  const operandInCel = (operand: Operand, type: CelType): string => {
    if (operand.kind !== 'variable') return literal(operand.text, type);
    const name = nameInCel(operand.name);
    return type === 'double' && declared(operand.name) === 'int' ? `(${name} == null ? null : double(${name}))` : name;
  };

  return { text: write(condition), names };
}

function celTypeOf(name: string, type: string | undefined): CelType {
  if (type === undefined) throw refuse(`there is no variable ${name} here`);
  if (type === 'dictionary') throw refuse(`${name} is a dictionary, which cannot be compared`);
  if (isIntegerType(type)) return 'int';
  if (type === 'float') return 'double';
  return type === 'bool' ? 'bool' : 'string';
}

/** The declared types decide; among literals alone, what they look like. */
function commonType(operands: readonly Operand[], declared: (name: string) => CelType): CelType {
  const types = new Set(operands.flatMap((operand) => (operand.kind === 'variable' ? [declared(operand.name)] : [])));
  if (types.size === 0) return operands.every(({ kind }) => kind === 'number') ? 'double' : 'string';
  const numeric = [...types].every((type) => type === 'int' || type === 'double');
  if (types.size > 1 && !numeric) {
    throw refuse(`variables of different types cannot be compared (${[...types].sort().join(', ')})`);
  }
  const [only] = types;
  const fraction = operands.some((operand) => operand.kind !== 'variable' && /^[+-]?\d+\.\d+$/.test(operand.text));
  return numeric && (types.size > 1 || fraction) ? 'double' : (only ?? 'string');
}

function literal(text: string, type: CelType): string {
  switch (type) {
    case 'int':
      if (!/^[+-]?\d{1,18}$/.test(text)) throw refuse(`'${text}' is not a whole number, and the variable is one`);
      return text.replace(/^\+/, '').replace(/^(-?)0+(?=\d)/, '$1');
    case 'double': {
      const number = Number(text);
      if (text.trim() === '' || !Number.isFinite(number))
        throw refuse(`'${text}' is not a number, and the variable is one`);
      return Number.isInteger(number) ? `${BigInt(number)}.0` : String(number);
    }
    case 'bool':
      if (text !== 'true' && text !== 'false') throw refuse(`'${text}' is neither true nor false`);
      return text;
    case 'string':
      return JSON.stringify(text);
  }
}

/** SQL's wildcards as an anchored RE2 pattern: `%` any characters, `_` one. */
function likePattern(pattern: string): string {
  const escaped = pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return `(?s)^${escaped.replaceAll('%', '.*').replaceAll('_', '.')}$`;
}

const refuse = (reason: string): DomainError => new DomainError('invalid_playbook', { field: 'condition', reason });
