import Type, { type TSchema } from 'typebox';
import { isJsonObject, type JsonObject } from '#libs/kernel';
import { plain } from '../openapi';
import { AnyObject, Closed, Literals, Nullable, Text } from '../schema';
import { losses } from './losses';

const json = (schema: TSchema): JsonObject => {
  const document = plain(schema);
  return isJsonObject(document) ? document : {};
};
const change = (before: TSchema, now: TSchema) =>
  losses(json(Closed({ f: before })), json(Closed({ f: now }))).map(({ field, reason }) => `${field} ${reason}`);
const optional = Type.Optional(Text(10));

describe('what a change of an answer breaks for who reads it', () => {
  it.each<[string, TSchema, TSchema, string]>([
    ['a field removed', Closed({ g: Text(1) }), Closed({}), 'f.g was removed'],
    ['an optional field removed', Closed({ g: optional }), Closed({}), 'f.g was removed'],
    [
      'a field that may be missing',
      Closed({ g: Text(10) }),
      Closed({ g: optional }),
      'f.g was always there, and may be missing now',
    ],
    ['another type', Text(10), Type.Integer(), 'f may be integer now, and was string'],
    ['a whole number that may be a fraction', Type.Integer(), Type.Number(), 'f may be number now, and was integer'],
    ['null, which was never there', Text(10), Nullable(Text(10)), 'f may be null now, and was string'],
    ['anything', Text(10), Type.Unknown(), 'f was string, and may be anything now'],
    ['the items of a list', Type.Array(Closed({ g: Text(1) })), Type.Array(Closed({})), 'f[].g was removed'],
    [
      'the values of a record',
      Type.Record(Type.String(), Text(1)),
      AnyObject,
      'f.* was string, and may be anything now',
    ],
    ['something in an alternative', Nullable(Closed({ g: Text(1) })), Nullable(Closed({})), 'f.g was removed'],
  ])('%s', (_, before, now, expected) => {
    expect(change(before, now)).toEqual([expected]);
  });

  it.each<[string, TSchema, TSchema]>([
    ['a field added', Closed({}), Closed({ g: Text(1) })],
    ['a field that is always there now', Closed({ g: optional }), Closed({ g: Text(10) })],
    ['a new value of an enum', Literals('a'), Literals('a', 'b')],
    ['fewer values of an enum', Literals('a', 'b'), Literals('a')],
    ['a fraction that is always whole now', Type.Number(), Type.Integer()],
    ['null no longer', Nullable(Text(10)), Text(10)],
    ['other bounds', Text(10), Text(20, 0)],
    ['something where there was anything', Type.Unknown(), Text(10)],
  ])('nothing: %s', (_, before, now) => {
    expect(change(before, now)).toEqual([]);
  });
});
