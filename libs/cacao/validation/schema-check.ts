import Ajv from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';
import type { TSchema } from 'typebox';
import { STEP_TYPES } from '../model/step';
import { error, type Finding } from './finding';

const ajv = new Ajv({ allErrors: true, strict: false, allowUnionTypes: true, verbose: true });
const compiled = new WeakMap<TSchema, ValidateFunction>();

/** What `value` has against a closed schema: one finding a field. `isUnknown` tells a key that the schema does not have. */
export function schemaFindings(schema: TSchema, value: unknown, path: string): (Finding & { unknown: boolean })[] {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  if (validate(value)) return [];
  const byField = new Map<string, Finding & { unknown: boolean }>();
  for (const problem of validate.errors ?? []) {
    const field = join(path, pathOf(problem));
    if (byField.has(field)) continue;
    const unknown = problem.keyword === 'additionalProperties';
    byField.set(field, { ...error(field, reasonOf(problem)), unknown });
  }
  return [...byField.values()];
}

/** `a` and `b` to `a.b`; list positions stay `a[0]`. */
export function join(path: string, rest: string): string {
  if (path === '') return rest;
  if (rest === '') return path;
  return rest.startsWith('[') ? `${path}${rest}` : `${path}.${rest}`;
}

function pathOf(problem: ErrorObject): string {
  const { missingProperty, additionalProperty } = problem.params as Record<string, string | undefined>;
  const inner = problem.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : join(path, part)), '');
  return join(inner, missingProperty ?? additionalProperty ?? '');
}

function reasonOf(problem: ErrorObject): string {
  const params = problem.params as Record<string, unknown>;
  switch (problem.keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return 'is not a property that CACAO 2.0 has here';
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}, but is ${shown(problem.data)}`;
    case 'enum':
      return `must be one of ${[params.allowedValues].flat().map(String).join(', ')}, but is ${shown(problem.data)}`;
    case 'type':
      return `must be of type ${[params.type].flat().join(' or ')}, but is ${shown(problem.data)}`;
    case 'pattern':
      return `${patternInWords(String(params.pattern))}, but is ${shown(problem.data)}`;
    default:
      return problem.message ?? `does not satisfy ${problem.keyword}`;
  }
}

function patternInWords(pattern: string): string {
  if (pattern.startsWith('^[0-9]{4}-')) return 'must be a time in UTC like 2026-11-24T14:05:00Z';
  if (pattern.startsWith(`^(?:${STEP_TYPES.join('|')})--`)) return 'must be the id of a workflow step, type--uuid';
  if (pattern.startsWith('^(?:playbook)--')) return 'must be an identifier playbook--uuid';
  if (pattern.includes('--[0-9a-fA-F]')) return 'must be an identifier, type--uuid';
  if (pattern.includes('@')) return 'must be an e-mail address';
  return `must match ${pattern}`;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
