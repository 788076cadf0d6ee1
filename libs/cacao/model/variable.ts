import Type, { type Static } from 'typebox';
import { Closed, Optional } from './schema-parts';

/** `^__[a-zA-Z_][\w-]{0,199}__$` (CACAO 2.0, section 10.18.2). */
export const VARIABLE_NAME = /^__[a-zA-Z_][\w-]{0,199}__$/;

/** A valid name by the pattern, and the one that an object cannot hold as a plain key in JavaScript. */
export const RESERVED_VARIABLE_NAME = '__proto__';

/** CACAO 2.0, section 10.18.4; an open vocabulary. */
export const VARIABLE_TYPES = [
  'bool',
  'dictionary',
  'float',
  'hexstring',
  'integer',
  'ipv4-addr',
  'ipv6-addr',
  'long',
  'mac-addr',
  'hash',
  'md5-hash',
  'sha256-hash',
  'string',
  'uri',
  'uuid',
] as const;

/** Numbers and booleans are encoded as texts; null is "not known", an empty text is "known to be empty". */
export const VariableValue = Type.Union([Type.String(), Type.Null(), Type.Record(Type.String(), Type.Unknown())]);
export type VariableValue = Static<typeof VariableValue>;

/** CACAO 2.0, section 10.18.3. */
export const Variable = Closed({
  type: Type.String({ minLength: 1 }),
  description: Optional(Type.String()),
  value: Optional(VariableValue),
  constant: Optional(Type.Boolean()),
  /** Set by whoever starts the playbook. */
  external: Optional(Type.Boolean()),
});
export type Variable = Static<typeof Variable>;
export type Variables = Readonly<Record<string, Variable>>;
