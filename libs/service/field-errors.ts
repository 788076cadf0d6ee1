import type { ErrorObject } from 'ajv';

export type FieldErrors = readonly {
  /** As the caller would write it: `items[3].name`; empty for the whole value. */
  readonly field: string;
  readonly reason: string;
  /** The field itself is not part of the contract. */
  readonly unknown: boolean;
}[];

/** Ajv's errors as one entry a field, in words for people. Expects `verbose` and `allErrors`. */
export function fieldErrors(errors: readonly ErrorObject[]): FieldErrors {
  const byField = new Map<string, FieldErrors[number]>();
  for (const error of withoutOtherBranches(errors)) {
    const field = fieldOf(error);
    if (!byField.has(field)) {
      byField.set(field, { field, reason: reasonOf(error), unknown: isUnknownField(error) });
    }
  }
  return [...byField.values()];
}

/** RFC 6901 pointer to `a.b[0]`. */
export function fieldPath(pointer: string, property?: string): string {
  const parts = pointer.split('/').slice(1);
  if (property !== undefined) parts.push(property);
  return parts
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => {
      if (/^\d+$/.test(part) && property !== part) return `${path}[${part}]`;
      return path === '' ? part : `${path}.${part}`;
    }, '');
}

function fieldOf(error: ErrorObject): string {
  const { missingProperty, additionalProperty, unevaluatedProperty } = error.params as Record<string, string>;
  return fieldPath(error.instancePath, missingProperty ?? additionalProperty ?? unevaluatedProperty);
}

const isUnknownField = (error: ErrorObject): boolean =>
  error.keyword === 'additionalProperties' || error.keyword === 'unevaluatedProperties';

/**
 * A value that fits no branch of a union fails by the errors of all branches at once. Only those of the closest branch
 * help the reader: the one whose discriminating constants match, then the one with the fewest errors.
 */
function withoutOtherBranches(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const unions = errors
    .filter((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf')
    .sort((a, b) => a.schemaPath.length - b.schemaPath.length);
  let kept = [...errors];
  for (const union of unions) {
    const prefix = `${union.schemaPath}/`;
    const inside = kept.filter(
      (error) => error.schemaPath.startsWith(prefix) && error.instancePath.startsWith(union.instancePath),
    );
    const [closest] = branchesOf(inside, prefix).sort((a, b) => distance(a, union) - distance(b, union));
    const describesItself = closest === undefined || distance(closest, union) >= WRONG_SHAPE;
    kept = kept.filter((error) => {
      if (error === union) return describesItself;
      return !inside.includes(error) || (!describesItself && closest.includes(error));
    });
  }
  return kept;
}

function branchesOf(errors: readonly ErrorObject[], prefix: string): ErrorObject[][] {
  const branches = new Map<string, ErrorObject[]>();
  for (const error of errors) {
    const branch = error.schemaPath.slice(prefix.length).split('/')[0] ?? '';
    branches.set(branch, [...(branches.get(branch) ?? []), error]);
  }
  return [...branches.values()];
}

const WRONG_SHAPE = 1000;

function distance(branch: readonly ErrorObject[], union: ErrorObject): number {
  const shape = branch.some(
    (error) =>
      error.instancePath === union.instancePath &&
      (error.keyword === 'type' || error.keyword === 'const' || error.keyword === 'enum'),
  );
  const discriminator = branch.some((error) => error.keyword === 'const');
  return (shape ? WRONG_SHAPE : 0) + (discriminator ? WRONG_SHAPE / 2 : 0) + branch.length;
}

function reasonOf(error: ErrorObject): string {
  const params = error.params as Record<string, unknown>;
  const limit = String(params.limit);
  switch (error.keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return 'is not part of the contract';
    case 'type':
      return `must be ${[params.type].flat().map(typeInWords).join(' or ')}, but is ${valueInWords(error.data)}`;
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`;
    case 'enum':
      return `must be one of ${[params.allowedValues].flat().map(String).join(', ')}`;
    case 'anyOf':
    case 'oneOf':
      return unionInWords(error);
    case 'minLength':
      return limit === '1' ? 'must not be empty' : `must have at least ${limit} characters`;
    case 'maxLength':
      return `must have at most ${limit} characters`;
    case 'minimum':
      return `must be at least ${limit}`;
    case 'maximum':
      return `must be at most ${limit}`;
    case 'exclusiveMinimum':
      return `must be more than ${limit}`;
    case 'exclusiveMaximum':
      return `must be less than ${limit}`;
    case 'minItems':
      return `must have at least ${limit} ${limit === '1' ? 'item' : 'items'}`;
    case 'maxItems':
      return `must have at most ${limit} items`;
    case 'uniqueItems':
      return 'must not repeat an item';
    case 'minProperties':
      return `must have at least ${limit} fields`;
    case 'maxProperties':
      return `must have at most ${limit} fields`;
    case 'format':
      return formatInWords(String(params.format));
    case 'pattern':
      return patternInWords(String(params.pattern));
    default:
      return error.message ?? `does not satisfy ${error.keyword}`;
  }
}

function typeInWords(type: unknown): string {
  switch (type) {
    case 'string':
      return 'a text';
    case 'integer':
      return 'a whole number';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
      return 'an object';
    default:
      return String(type);
  }
}

function valueInWords(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'a text';
    case 'undefined':
      return 'missing';
    case 'object':
      return 'an object';
    default:
      return String(value);
  }
}

function unionInWords(error: ErrorObject): string {
  const branches: unknown = error.schema;
  const values = Array.isArray(branches) ? branches.map(constantOf) : [];
  if (values.length > 0 && values.every((value) => value !== undefined)) return `must be one of ${values.join(', ')}`;
  return `fits none of the forms that are allowed here, and is ${valueInWords(error.data)}`;
}

function constantOf(branch: unknown): string | undefined {
  if (typeof branch !== 'object' || branch === null) return undefined;
  if ('const' in branch) return String(branch.const);
  if ('type' in branch && branch.type === 'null') return 'null';
  return 'type' in branch && !('enum' in branch) && branch.type !== 'object' ? typeInWords(branch.type) : undefined;
}

function formatInWords(format: string): string {
  switch (format) {
    case 'uuid':
      return 'must be a UUID';
    case 'date-time':
      return 'must be a time by RFC 3339, for example 2026-11-24T14:05:00Z';
    case 'date':
      return 'must be a date, for example 2026-11-24';
    case 'email':
      return 'must be an e-mail address';
    case 'uri':
      return 'must be a URI';
    case 'ipv4':
    case 'ipv6':
      return `must be an ${format === 'ipv4' ? 'IPv4' : 'IPv6'} address`;
    default:
      return `must have the format ${format}`;
  }
}

function patternInWords(pattern: string): string {
  return pattern === '^[0-9a-f]{64}$'
    ? 'must be a SHA-256 digest in 64 lower-case hexadecimal digits'
    : `must match ${pattern}`;
}
