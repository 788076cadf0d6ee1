import Type, { type Static } from 'typebox';
import { Closed } from '../schema';
import type { Endpoint, Method, SourceEndpoint } from './endpoint';

const ElasticCause = Type.Object({ type: Type.String(), reason: Type.String() });

/** What Elasticsearch answers where a whole request is refused. */
export const ElasticError = Closed({
  error: Closed({ root_cause: Type.Array(ElasticCause), type: Type.String(), reason: Type.String() }),
  status: Type.Integer(),
});
export type ElasticError = Static<typeof ElasticError>;

export const ElasticBulkItem = Closed({
  _index: Type.String(),
  _id: Type.String({ description: "The document's own, else the receipt's." }),
  status: Type.Integer({
    description: '201; 400 for a document that is refused, and for an action that is not taken.',
  }),
  _version: Type.Optional(Type.Integer()),
  result: Type.Optional(Type.Literal('created')),
  _shards: Type.Optional(Closed({ total: Type.Integer(), successful: Type.Integer(), failed: Type.Integer() })),
  _seq_no: Type.Optional(Type.Integer()),
  _primary_term: Type.Optional(Type.Integer()),
  error: Type.Optional(ElasticCause),
});
export type ElasticBulkItem = Static<typeof ElasticBulkItem>;

export const ElasticBulkAnswer = Closed({
  took: Type.Integer({ description: 'Milliseconds.' }),
  errors: Type.Boolean({ description: 'Whether an item has an error.' }),
  items: Type.Array(Type.Record(Type.String(), ElasticBulkItem), {
    description: 'In the order of the request, each under the name of its action.',
  }),
});
export type ElasticBulkAnswer = Static<typeof ElasticBulkAnswer>;

const sink = {
  service: 'ingest',
  auth: 'source',
  protocol: 'elastic-bulk',
} as const satisfies Partial<SourceEndpoint>;

const WHO =
  'The token of a source comes as the password of Basic, as the key of `ApiKey`, or as `Bearer`. Errors are answered as ' +
  'Elasticsearch does.';

const bulk = (method: Method, path: `/${string}`): Endpoint => ({
  ...sink,
  method,
  path,
  summary: 'Accept documents as the bulk API of Elasticsearch does',
  description:
    'Lines of an action, `index` or `create`, and its document. A document is read by its format; what looks like none ' +
    `becomes a finding all the same. Answered once every document is durable; gzip is taken. ${WHO}`,
  ...(path.includes(':index') && { params: Type.Object({ index: Type.String({ minLength: 1, maxLength: 255 }) }) }),
  body: Type.Unknown({ description: 'Lines of JSON, an action and a document in turn.' }),
  consumes: ['application/x-ndjson', 'application/json'],
  responses: { 200: ElasticBulkAnswer },
  rawBody: true,
});

const about = (path: `/${string}`, summary: string): Endpoint => ({
  ...sink,
  method: 'GET',
  path,
  summary,
  description: WHO,
  responses: { 200: Type.Unknown() },
});

export const endpoints: readonly Endpoint[] = [
  bulk('POST', '/elastic/_bulk'),
  bulk('PUT', '/elastic/_bulk'),
  bulk('POST', '/elastic/:index/_bulk'),
  bulk('PUT', '/elastic/:index/_bulk'),
  about('/elastic', 'What shippers ask of Elasticsearch first: its version'),
  about('/elastic/_cat/health', 'What shippers ask of Elasticsearch in between: its health'),
  about('/elastic/_license', 'What Beats ask of Elasticsearch first: its licence'),
];
