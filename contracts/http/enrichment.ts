import Type, { type Static } from 'typebox';
import { Verdict } from '../alert';
import { Closed, Digest, Literals, Nullable, Text, Timestamp, Uuid } from '../schema';
import type { Endpoint } from './endpoint';

export const Dataset = Closed({
  id: Uuid,
  /** The file's path below the folder of data sets. */
  name: Text(200),
  status: Literals('loaded', 'refused'),
  kind: Nullable(Literals('warninglist', 'verdicts')),
  digest: Nullable(Digest),
  entries: Type.Integer({ minimum: 0 }),
  /** Why the file was refused. An earlier version of it stays in use. */
  reason: Nullable(Type.String()),
  changedAt: Timestamp,
});
export type Dataset = Static<typeof Dataset>;

export const DatasetLookup = Closed({
  /** The value as it is looked up: refanged, in canonical form. */
  value: Type.String(),
  type: Type.String({ description: '`ip`, `domain`, `hostname`, `url`, `hash`, `email` or `username`.' }),
  verdict: Verdict,
  score: Type.Integer({ minimum: 0, maximum: 100 }),
  matches: Type.Array(
    Closed({
      list: Text(200),
      kind: Literals('warninglist', 'verdicts'),
      entry: Type.String({ description: 'The entry of the list that matched.' }),
      verdict: Verdict,
      score: Type.Integer({ minimum: 0, maximum: 100 }),
      comment: Type.Optional(Type.String()),
    }),
  ),
});
export type DatasetLookup = Static<typeof DatasetLookup>;

export const endpoints: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/v1/datasets',
    service: 'enrichment',
    auth: 'user',
    permission: 'datasets:read',
    summary: 'List the local lists that observables are looked up in',
    responses: { 200: Closed({ items: Type.Array(Dataset) }) },
  },
  {
    method: 'GET',
    path: '/v1/datasets/lookup',
    service: 'enrichment',
    auth: 'user',
    permission: 'datasets:read',
    summary: 'Ask what the local lists say of one value',
    query: Closed({ value: Type.String({ minLength: 1, maxLength: 2048, description: 'May be written defanged.' }) }),
    responses: { 200: DatasetLookup },
  },
];
