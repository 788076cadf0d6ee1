import Type from 'typebox';

const UUID = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';

/** A CACAO identifier, `type--uuid` (CACAO 2.0, section 10.10). */
export const IDENTIFIER_PATTERN = `^[a-z][a-z0-9-]*[a-z0-9]--${UUID}$`;
const IDENTIFIER = new RegExp(IDENTIFIER_PATTERN);

export const Identifier = Type.String({ pattern: IDENTIFIER_PATTERN, maxLength: 200 });

/** An identifier of one of these object types. */
export const IdentifierOf = (...types: readonly string[]) =>
  Type.String({ pattern: `^(?:${types.join('|')})--${UUID}$`, maxLength: 200 });

export const isIdentifier = (text: string): boolean => IDENTIFIER.test(text);

/** The part of an identifier before `--`, where a type stands. */
export const typeOfIdentifier = (identifier: string): string => identifier.slice(0, identifier.lastIndexOf('--'));

/** RFC 3339 in UTC, with a `Z` (CACAO 2.0, section 10.16). */
export const CacaoTimestamp = Type.String({
  pattern:
    '^[0-9]{4}-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(\\.[0-9]+)?Z$',
});
