import Type, { type TSchema } from 'typebox';
import { isJsonObject, type JsonObject } from '#libs/kernel';
import { plain } from '../openapi';
import { AnyObject, Closed, Literals, Nullable, Personal, Text, Timestamp, Uuid } from '../schema';
import { narrowings } from './narrowings';

const json = (schema: TSchema): JsonObject => {
  const document = plain(schema);
  return isJsonObject(document) ? document : {};
};
/** What a change of one field breaks, as `field reason`. */
const change = (before: TSchema, now: TSchema) =>
  narrowings(json(before), json(now)).map(({ field, reason }) => `${field} ${reason}`);
const ofField = (before: TSchema, now: TSchema) => change(Closed({ f: before }), Closed({ f: now }));
const pattern = (of: string) => Type.String({ pattern: of });
const optional = Type.Optional(Text(10));
const open = (properties: Record<string, TSchema>) => Type.Object(properties, { additionalProperties: true });

describe('what a change of a schema breaks for what is written already', () => {
  it.each<[string, TSchema, TSchema, string]>([
    ['a required field is added', Closed({}), Closed({ f: Text(10) }), 'f is new and required'],
    [
      'an optional field is demanded',
      Closed({ f: optional }),
      Closed({ f: Text(10) }),
      'f was optional, and is required now',
    ],
    ['a field is removed', Closed({ f: Text(10) }), Closed({}), 'f was removed'],
    ['an optional field is removed', Closed({ f: optional }), Closed({}), 'f was removed'],
    ['a field of an open object is removed', open({ f: optional }), open({}), 'f was removed'],
    ['additional fields are closed', open({}), Closed({}), ' no longer allows fields that are not named'],
    ['a record is closed', AnyObject, Closed({}), ' no longer allows fields that are not named'],
    [
      'a field that an open object may have had with anything in it',
      open({}),
      open({ f: optional }),
      'f was anything, and must be string now',
    ],
    [
      'the values of a record',
      AnyObject,
      Type.Record(Type.String(), Text(5)),
      '* was anything, and must be string now',
    ],
  ])('%s', (_, before, now, expected) => {
    expect(change(before, now)).toEqual([expected]);
  });

  it.each<[string, TSchema, TSchema, string]>([
    ['another type', Text(10), Type.Integer(), 'f was string, and must be integer now'],
    ['a number that must be whole', Type.Number(), Type.Integer(), 'f was number, and must be integer now'],
    ['anything that must be something', Type.Unknown(), Text(10), 'f was anything, and must be string now'],
    ['a value of an enum removed', Literals('a', 'b', 'c'), Literals('a', 'c'), 'f no longer allows "b"'],
    ['a text that must be of an enum', Text(10), Literals('a', 'b'), 'f allows only "a" | "b" now'],
    ['a constant changed', Type.Literal('v1'), Type.Literal('v2'), 'f no longer allows "v1"'],
    ['a named value that is too long now', Literals('short', 'longer'), Text(5), 'f no longer allows "longer"'],
    ['null no longer allowed', Nullable(Text(10)), Text(10), 'f no longer allows null'],
    ['an alternative removed', Type.Union([Text(1), Type.Integer()]), Text(1), 'f no longer allows integer'],
    [
      'a field that is personal no more',
      Personal(Text(10)),
      Text(10),
      'f is no longer marked as personal, and what is sealed would stay so',
    ],
    ['a shorter text', Text(10), Text(9), 'f maxLength is 9 now, and it was 10'],
    ['a longer text', Text(10, 0), Text(10, 1), 'f minLength is 1 now, and it was 0'],
    ['a bound that is new', Type.Integer(), Type.Integer({ minimum: 0 }), 'f minimum is 0 now, and there was none'],
    [
      'a bound that is lower',
      Type.Integer({ maximum: 100 }),
      Type.Integer({ maximum: 99 }),
      'f maximum is 99 now, and it was 100',
    ],
    ['a pattern that is new', Type.String(), pattern('^a'), 'f pattern is "^a" now, and there was none'],
    ['another pattern', pattern('^a'), pattern('^b'), 'f pattern is "^b" now, and it was "^a"'],
    [
      'a word taken from those of a pattern',
      pattern('^(a|b|c)$'),
      pattern('^(a|c)$'),
      'f pattern is "^(a|c)$" now, and it was "^(a|b|c)$"',
    ],
    ['another format', Timestamp, Uuid, 'f format is "uuid" now, and it was "date-time"'],
    [
      'fewer items',
      Type.Array(Text(1), { maxItems: 5 }),
      Type.Array(Text(1), { maxItems: 4 }),
      'f maxItems is 4 now, and it was 5',
    ],
    ['an item that is narrowed', Type.Array(Text(2)), Type.Array(Text(1)), 'f[] maxLength is 1 now, and it was 2'],
    [
      'something in the one alternative of its type',
      Nullable(Closed({ g: Text(2) })),
      Nullable(Closed({ g: Text(1) })),
      'f.g maxLength is 1 now, and it was 2',
    ],
    [
      'something deep down',
      Type.Array(Closed({ g: Closed({ h: Type.Optional(Text(1)) }) })),
      Type.Array(Closed({ g: Closed({ h: Text(1) }) })),
      'f[].g.h was optional, and is required now',
    ],
    [
      'what nobody can tell',
      Type.Unsafe({ type: 'string', not: { const: 'a' } }),
      Type.Unsafe({ type: 'string', not: { const: 'b' } }),
      'f cannot be compared: not has changed',
    ],
    [
      'names that must have a pattern',
      Type.Unsafe({ type: 'object', patternProperties: { '^a': {} } }),
      Type.Unsafe({ type: 'object', patternProperties: { '^b': {} } }),
      'f cannot be compared: patternProperties has changed',
    ],
  ])('%s', (_, before, now, expected) => {
    expect(ofField(before, now)).toEqual([expected]);
  });

  it('names everything that is broken', () => {
    const before = Closed({ a: Text(10), b: Text(10), c: Literals('x', 'y') });
    const now = Closed({ a: Text(5), c: Literals('z'), d: Text(1) });
    expect(change(before, now)).toEqual([
      'a maxLength is 5 now, and it was 10',
      'b was removed',
      'c no longer allows "x"',
      'c no longer allows "y"',
      'd is new and required',
    ]);
  });
});

describe('a change that allows more breaks nothing', () => {
  it.each<[string, TSchema, TSchema]>([
    ['none', Closed({ f: Nullable(Text(10)) }), Closed({ f: Nullable(Text(10)) })],
    ['an optional field added', Closed({}), Closed({ f: optional })],
    ['an optional field of anything added to an open object', open({}), open({ f: Type.Optional(Type.Unknown()) })],
    ['a field that need not be there any more', Closed({ f: Text(10) }), Closed({ f: optional })],
    ['a closed object opened', Closed({ f: Text(10) }), open({ f: Text(10) })],
    ['a record of texts that may hold anything', Type.Record(Type.String(), Text(1)), AnyObject],
  ])('%s', (_, before, now) => {
    expect(change(before, now)).toEqual([]);
  });

  it.each<[string, TSchema, TSchema]>([
    ['a type widened', Type.Integer(), Type.Number()],
    ['anything allowed', Text(10), Type.Unknown()],
    ['a value of an enum added', Literals('a', 'b'), Literals('a', 'b', 'c')],
    ['an enum that becomes a text', Literals('a', 'b'), Text(10)],
    ['a constant that becomes an enum', Type.Literal('a'), Literals('a', 'b')],
    ['null allowed', Text(10), Nullable(Text(10))],
    ['an alternative added', Text(10), Type.Union([Type.Integer(), Text(10)])],
    ['bounds loosened', Type.Integer({ minimum: 0, maximum: 9 }), Type.Integer({ minimum: -1, maximum: 10 })],
    ['bounds taken away', Text(10, 3), Type.String()],
    ['a word added to those of a pattern', pattern('^(a|b)(,(a|b))*$'), pattern('^(a|c|b)(,(a|c|b))*$')],
    ['a pattern and a format taken away', Type.String({ pattern: 'a', format: 'uuid' }), Type.String()],
    ['more items', Type.Array(Text(1), { minItems: 2, maxItems: 3 }), Type.Array(Text(1), { minItems: 1 })],
    ['annotations changed', Text(10), Personal(Type.String({ minLength: 1, maxLength: 10, description: 'A name.' }))],
    ['what nobody can tell, and is the same', Type.Unsafe({ not: {} }), Type.Unsafe({ not: {}, title: 'None' })],
  ])('%s', (_, before, now) => {
    expect(ofField(before, now)).toEqual([]);
  });
});
