import Type, { type TSchema } from 'typebox';
import { Closed, Digest, Literals, Text, Timestamp } from '#contracts/schema';
import { DomainError } from '#libs/kernel';
import { demandValid, findFieldErrors } from './contract-validator';

const reasons = (schema: TSchema, value: unknown) =>
  Object.fromEntries(findFieldErrors(schema, value).map(({ field, reason }) => [field, reason]));

describe('the reasons for a wrong value', () => {
  const Order = Closed({
    title: Text(10),
    severity: Literals('low', 'high'),
    items: Type.Array(Closed({ name: Text(5), count: Type.Integer({ minimum: 1 }) }), { minItems: 1 }),
    at: Type.Optional(Timestamp),
    digest: Type.Optional(Digest),
  });

  it('name every failing field once, in words for people', () => {
    expect(
      reasons(Order, { title: '', severity: 'huge', items: [{ name: 7, count: 0 }], at: 'noon', digest: 'x', more: 1 }),
    ).toEqual({
      title: 'must not be empty',
      severity: 'must be one of low, high',
      'items[0].name': 'must be a text, but is 7',
      'items[0].count': 'must be at least 1',
      at: 'must be a time by RFC 3339, for example 2026-11-24T14:05:00Z',
      digest: 'must be a SHA-256 digest in 64 lower-case hexadecimal digits',
      more: 'is not part of the contract',
    });
    expect(reasons(Order, { severity: 'low', items: [] })).toEqual({
      title: 'is required',
      items: 'must have at least 1 item',
    });
  });

  it('speak of the closest branch of a union only', () => {
    const Target = Type.Union([
      Closed({ kind: Type.Literal('ip'), address: Text(50) }),
      Closed({ kind: Type.Literal('account'), name: Text(50) }),
    ]);
    expect(reasons(Closed({ target: Target }), { target: { kind: 'account' } })).toEqual({
      'target.name': 'is required',
    });
    expect(reasons(Closed({ target: Target }), { target: 5 })).toEqual({
      target: 'fits none of the forms that are allowed here, and is 5',
    });
    expect(reasons(Type.Union([Type.Literal('a'), Type.Literal('b'), Type.Null()]), 'c')).toEqual({
      '': 'must be one of a, b, null',
    });
  });

  it('coerce what arrives as text', () => {
    const Query = Closed({ limit: Type.Integer({ default: 50 }), open: Type.Optional(Type.Boolean()) });
    const query: Record<string, unknown> = { open: 'true' };
    demandValid(Query, query, 'query', 'coerced');
    expect(query).toEqual({ limit: 50, open: true });
    expect(() => demandValid(Query, { limit: 'many' }, 'query', 'coerced')).toThrow(
      new DomainError('invalid_field', { field: 'limit', reason: 'must be a whole number, but is a text' }),
    );
  });

  it('are an unknown_field when that is all the trouble', () => {
    expect(() => demandValid(Closed({}), { x: 1, y: 2 }, 'body')).toThrow(
      expect.objectContaining({ code: 'unknown_field', field: 'x' }),
    );
    expect(() => demandValid(Closed({}), 5, 'body')).toThrow(
      expect.objectContaining({ code: 'invalid_field', field: 'body' }),
    );
  });
});
