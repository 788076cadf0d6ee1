import Type, { type Static } from 'typebox';
import { Closed, Literals, Text } from '#contracts/schema';
import type { AlertFields } from './alert-fields';
import { SEVERITY_IDS, severityOfWord, type SeverityName } from './alert-severity';

const Path = Text(200);
const SeverityWord = Literals('unknown', 'informational', 'low', 'medium', 'high', 'critical', 'fatal');

/** How a mapping reads the product's own scale. */
export const SeverityRules = Closed({
  /** Tried in turn: the first that says a severity. */
  field: Type.Union([Path, Type.Array(Path, { minItems: 1, maxItems: 20 })]),
  /** Of all values of all fields, the worst instead of the first: for scores side by side. */
  worst: Type.Optional(Type.Boolean()),
  /** The first range whose `up_to` is not below the number. */
  ranges: Type.Optional(Type.Array(Closed({ up_to: Type.Number(), is: SeverityWord }), { minItems: 1, maxItems: 50 })),
  words: Type.Optional(Type.Record(Type.String(), SeverityWord)),
  default: Type.Optional(SeverityWord),
});
type SeverityRules = Static<typeof SeverityRules>;

/** The severity of an alert by the rules of its mapping; `undefined` when it says none that they know. */
export function mappedSeverity(rules: SeverityRules | undefined, fields: AlertFields): SeverityName | undefined {
  if (rules === undefined) return undefined;
  const said: SeverityName[] = [];
  for (const path of [rules.field].flat()) {
    for (const text of fields.texts(path)) {
      const severity = severityOf(rules, text);
      if (severity !== undefined) said.push(severity);
    }
  }
  if (rules.worst === true) said.sort((a, b) => SEVERITY_IDS[b] - SEVERITY_IDS[a]);
  return said[0] ?? rules.default;
}

function severityOf(rules: SeverityRules, text: string): SeverityName | undefined {
  const word = text.toLowerCase();
  const byWord = Object.entries(rules.words ?? {}).find(([key]) => key.toLowerCase() === word)?.[1];
  if (byWord !== undefined) return byWord;
  const number = Number(text);
  const byRange = Number.isFinite(number) ? rules.ranges?.find((range) => number <= range.up_to)?.is : undefined;
  return byRange ?? severityOfWord(word);
}
