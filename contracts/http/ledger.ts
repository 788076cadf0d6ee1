import Type, { type Static } from 'typebox';
import { SigningKey } from '../action';
import { AuditReport } from '../audit';
import { Actor, CATEGORIES } from '../envelope';
import { CheckpointSigned } from '../events/checkpoint';
import { ConsistencyProof, InclusionProof } from '../proof';
import { WitnessedLedger, WitnessedParams, WitnessStatement, WitnessView } from '../witness';
import { AnyObject, Closed, Literals, Nullable, Text, Timestamp, Uuid } from '../schema';
import { EventView } from './case';
import { type Endpoint, paged, pageQuery } from './endpoint';

const user = { service: 'ledger', auth: 'user' } as const;
const StreamName = Type.String({ pattern: '^[a-z]+-[\\w.:-]{1,300}$', description: '`case-<id>`, `run-<id>`, ...' });

export const AuditKeys = Closed({
  root: Closed({ keyId: Text(100), publicKey: Type.String({ description: 'Raw 32 bytes, base64url.' }) }),
  keys: Type.Array(SigningKey),
});
export type AuditKeys = Static<typeof AuditKeys>;

export const ExportQuery = Closed({ stream: Type.Optional(StreamName) });
export type ExportQuery = Static<typeof ExportQuery>;

export const ReplayQuery = Closed({ stream: StreamName, ...pageQuery });
export type ReplayQuery = Static<typeof ReplayQuery>;
export const StoryLine = Closed({
  version: Type.Integer(),
  time: Timestamp,
  /** When it happened, if it was recorded later. */
  dated: Type.Optional(Timestamp),
  actor: Actor,
  type: Type.String(),
  /** One sentence for people. */
  text: Type.String(),
});
export const Story = Closed({ stream: Type.String(), items: Type.Array(StoryLine), next: Type.Optional(Text(500)) });
export type Story = Static<typeof Story>;

const time = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }));
export const EventsQuery = Closed({
  ...pageQuery,
  category: Type.Optional(Type.Array(Literals(...CATEGORIES), { description: 'Give it more than once for several.' })),
  type: Type.Optional(Type.Array(Text(100))),
  actor: Type.Optional(Text(200)),
  from: time('At or after that time.'),
  to: time('Before that time.'),
});
export type EventsQuery = Static<typeof EventsQuery>;

const Sequence = Type.Integer({ minimum: 1, description: "A checkpoint's number." });
export const ConsistencyQuery = Closed({ from: Sequence, to: Type.Optional(Sequence) });
export type ConsistencyQuery = Static<typeof ConsistencyQuery>;

export const DeadLetterView = Closed({
  id: Uuid,
  group: Type.String(),
  topic: Type.String(),
  key: Type.String(),
  messageId: Type.String(),
  code: Type.String(),
  reason: Type.String(),
  field: Nullable(Type.String()),
  attempts: Type.Integer(),
  status: Literals('open', 'retried', 'dropped'),
  /** When it died. */
  time: Timestamp,
  decidedAt: Nullable(Timestamp),
  decidedBy: Nullable(Type.String()),
  /** The whole message, or `{raw}` of what was none. */
  message: AnyObject,
});
export type DeadLetterView = Static<typeof DeadLetterView>;
export const DeadLettersQuery = Closed({
  ...pageQuery,
  topic: Type.Optional(Text(200)),
  group: Type.Optional(Text(200)),
  status: Type.Optional(Literals('open', 'retried', 'dropped')),
});
export type DeadLettersQuery = Static<typeof DeadLettersQuery>;

export const MentionsBody = Closed({
  text: Type.String({ minLength: 3, maxLength: 500, description: 'Found wherever it stands, in any case.' }),
});
export type MentionsBody = Static<typeof MentionsBody>;
export const Mentions = Closed({
  /** By record, the most mentioned first; `person` where the text is somebody's name in a field of its own. */
  items: Type.Array(
    Closed({ record: Text(300), events: Type.Integer({ minimum: 1 }), first: Timestamp, last: Timestamp }),
  ),
  /** Events that name exactly this person as who acted, approved or was assigned. */
  asPerson: Type.Integer({ minimum: 0 }),
});
export type Mentions = Static<typeof Mentions>;

export const EraseBody = Closed({
  persons: Type.Optional(
    Type.Array(Text(200), { maxItems: 1000, description: 'Names of people, as they stand in fields of their own.' }),
  ),
  records: Type.Optional(
    Type.Array(StreamName, {
      maxItems: 1000,
      description: 'alert-<id>, case-<id> (with the alerts in it), or another stream.',
    }),
  ),
  reason: Text(2000),
});
export type EraseBody = Static<typeof EraseBody>;
export const Erasure = Closed({
  erasureId: Uuid,
  time: Timestamp,
  records: Type.Array(Text(300)),
  persons: Type.Integer(),
});
export type Erasure = Static<typeof Erasure>;

const letterParams = Closed({ id: Uuid });

export const endpoints: readonly Endpoint[] = [
  {
    ...user,
    method: 'POST',
    path: '/v1/personal-data/mentions',
    permission: 'personal-data:search',
    summary: 'Which records mention somebody',
    description: 'Reads and opens the whole ledger of the tenant: 10,000 events or more a second. Itself recorded.',
    body: MentionsBody,
    responses: { 200: Mentions },
  },
  {
    ...user,
    method: 'POST',
    path: '/v1/personal-data/erasures',
    permission: 'personal-data:erase',
    decision: true,
    summary: 'Erase personal data for ever, by destroying its keys',
    description:
      'The ledger, its chains and its checkpoints stay as they are; what was sealed reads `erased`. Read models show it until they are rebuilt: npx countersign personal erase does both.',
    body: EraseBody,
    responses: { 201: Erasure },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/audit/verify',
    permission: 'ledger:verify',
    summary: 'Walk the whole ledger: chains, checkpoints, their signatures and trees',
    responses: { 200: AuditReport },
  },
  {
    ...user,
    method: 'POST',
    path: '/v1/audit/checkpoints',
    permission: 'ledger:verify',
    summary: 'Sign a checkpoint now, over everything that is recorded',
    description: 'Answers with the last checkpoint when it covers everything already.',
    responses: { 200: CheckpointSigned },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/audit/checkpoints',
    permission: 'ledger:verify',
    summary: 'The checkpoints, the latest first: keep one elsewhere, as a witness',
    query: Closed(pageQuery),
    responses: { 200: paged(CheckpointSigned) },
  },
  {
    method: 'GET',
    path: '/v1/audit/keys',
    service: 'ledger',
    auth: 'public',
    summary: 'The root key, and the keys that sign checkpoints under it',
    responses: { 200: AuditKeys },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/audit/export',
    permission: 'ledger:export',
    summary: 'The ledger as NDJSON, to be verified offline',
    description: "A header, events in (tx, position) order, other tenants' events as bare hashes, and an end.",
    query: ExportQuery,
    responses: { 200: Type.String() },
    produces: 'application/x-ndjson',
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/audit/proofs/events/:event',
    permission: 'ledger:export',
    summary: 'Prove that an event is in the ledger which a checkpoint has signed',
    description:
      'The last checkpoint unless told. Verify it offline: npx countersign audit check PROOF --root-key FILE.',
    params: Closed({ event: Uuid }),
    query: Closed({ checkpoint: Type.Optional(Sequence) }),
    responses: { 200: InclusionProof },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/audit/proofs/consistency',
    permission: 'ledger:verify',
    summary: 'Prove that the ledger of a later checkpoint begins with that of an earlier one',
    query: ConsistencyQuery,
    responses: { 200: ConsistencyProof },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/audit/witnesses',
    permission: 'ledger:verify',
    summary: 'Who keeps our checkpoints outside, and how far each is',
    responses: { 200: Closed({ items: Type.Array(WitnessView) }) },
  },
  {
    ...user,
    method: 'POST',
    path: '/v1/audit/witnessed',
    permission: 'ledger:witness',
    summary: 'Leave a checkpoint of another ledger here',
    description:
      'It must continue the one that is here already, by a consistency proof: 409 stream_conflict when `from` is another, 409 ledger_contradicted when the ledger was rewritten.',
    body: WitnessStatement,
    responses: { 200: WitnessedLedger },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/audit/witnessed/:ledger',
    permission: 'ledger:witness',
    summary: 'The last checkpoint of another ledger that was left here',
    params: WitnessedParams,
    responses: { 200: WitnessedLedger },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/audit/replay',
    permission: 'ledger:read',
    summary: 'A stream as a story, one sentence an event',
    query: ReplayQuery,
    responses: { 200: Story },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/streams/:stream/events',
    permission: 'ledger:read',
    summary: 'The events of one stream',
    params: Closed({ stream: StreamName }),
    query: Closed(pageQuery),
    responses: { 200: paged(EventView) },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/events',
    permission: 'ledger:read',
    summary: 'Events by category, type, actor and time, in the order of the ledger',
    description:
      'A page may hold fewer events than `limit`, or none, and still have a `next`. With `Accept: application/x-ndjson` all of them, one a line.',
    query: EventsQuery,
    responses: { 200: paged(EventView) },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/dead-letters',
    permission: 'dead-letters:read',
    summary: 'Messages that no handler could take, the latest first',
    query: DeadLettersQuery,
    responses: { 200: paged(DeadLetterView) },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/dead-letters/:id',
    permission: 'dead-letters:read',
    summary: 'One dead letter, with its whole message',
    params: letterParams,
    responses: { 200: DeadLetterView },
  },
  {
    ...user,
    method: 'POST',
    path: '/v1/dead-letters/:id/retry',
    permission: 'dead-letters:write',
    summary: 'Put it before its handler again; an alert, which is rejected by then, as a new reception',
    params: letterParams,
    responses: { 200: DeadLetterView },
  },
  {
    ...user,
    method: 'POST',
    path: '/v1/dead-letters/:id/drop',
    permission: 'dead-letters:write',
    summary: 'Take note that it is not to be handled',
    params: letterParams,
    responses: { 200: DeadLetterView },
  },
];
