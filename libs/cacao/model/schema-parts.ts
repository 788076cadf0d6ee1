import Type, { type TSchema } from 'typebox';
import { Closed } from '#contracts/schema';
import { Identifier } from './identifier';

/** Every object of CACAO is closed: what it does not define stands in an extension, or is refused by name. */
export { Closed };

export const Optional = <S extends TSchema>(schema: S) => Type.Optional(schema);
export const Texts = Type.Array(Type.String());
export const SomeTexts = Type.Array(Type.String(), { minItems: 1 });
export const SomeIdentifiers = Type.Array(Identifier, { minItems: 1 });

/** CACAO 2.0, section 10.9. */
export const ExternalReference = Closed({
  name: Type.String(),
  description: Optional(Type.String()),
  source: Optional(Type.String()),
  url: Optional(Type.String()),
  external_id: Optional(Type.String()),
  reference_id: Optional(Type.String()),
});
export const ExternalReferences = Type.Array(ExternalReference);

/** Keyed by the identifier of a declared extension; what is inside is the extension's own business. */
export const Extensions = Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown()), { minProperties: 1 });
