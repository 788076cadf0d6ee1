import { isCelError, run } from '@bufbuild/cel';
import { DomainError } from '#libs/kernel';
import type { Lookup } from '../template';
import { isIntegerType, mistypedReason, type TypedValue } from '../variable-value';
import { translateToCel } from './cel-translation';
import { parseCondition } from './parse-condition';

/**
 * Whether a CACAO comparison holds for the variables that `lookup` knows.
 * @throws DomainError('invalid_playbook') for a condition that is none, an unknown variable, or a value that does not
 * fit its declared type.
 */
export function evaluateCondition(text: string, lookup: Lookup): boolean {
  const expression = translateToCel(parseCondition(text), (name) => lookup(name)?.type);
  const bindings = Object.fromEntries(
    expression.names.map((name, index) => [`v${index}`, celValue(name, lookup(name))] as const),
  );
  const result = run(expression.text, bindings);
  if (typeof result === 'boolean') return result;
  throw new DomainError('invalid_playbook', {
    field: 'condition',
    reason: `cannot be evaluated: ${isCelError(result) ? result.message : 'it gives no truth value'} (${text})`,
  });
}

/** CEL's int is a bigint: a JavaScript number would be a double, which equals no int. */
function celValue(name: string, variable: TypedValue | undefined): string | number | bigint | boolean | null {
  const { type, value } = variable ?? { type: 'string', value: null };
  const reason = mistypedReason(type, value);
  if (reason !== undefined) throw new DomainError('invalid_playbook', { field: name, reason });
  if (value === null) return null;
  if (typeof value !== 'string') return JSON.stringify(value);
  if (isIntegerType(type)) return BigInt(value);
  if (type === 'float') return Number(value);
  return type === 'bool' ? value === 'true' : value;
}
