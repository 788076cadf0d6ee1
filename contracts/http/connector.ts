import Type, { type Static } from 'typebox';
import { ConnectorManifest } from '../action';
import { AnyObject, Closed, Digest, Literals, Nullable, Text, Timestamp, Uuid } from '../schema';
import type { Endpoint } from './endpoint';

export const ConnectorView = Closed({ connector: Text(100), version: Digest, manifest: ConnectorManifest });
export type ConnectorView = Static<typeof ConnectorView>;

export const ConnectionView = Closed({
  id: Text(100),
  connector: Text(100),
  name: Text(200),
  version: Type.Integer({ minimum: 1 }),
  settings: AnyObject,
  allowedHosts: Type.Array(Text(300)),
  changedAt: Timestamp,
});
export type ConnectionView = Static<typeof ConnectionView>;

export const RegisterConnectionBody = Closed({
  connector: Text(100),
  name: Text(200),
  /** By the connector's manifest; credentials as `secret://name@version` only. */
  settings: AnyObject,
  /** `host`, `host:port`, an address or a range. Private addresses are reached only where they are listed. */
  allowedHosts: Type.Array(Type.String({ minLength: 1, maxLength: 300, pattern: '^[^\\s/@]+(/\\d{1,3})?$' }), {
    minItems: 1,
    maxItems: 100,
  }),
});
export type RegisterConnectionBody = Static<typeof RegisterConnectionBody>;

export const ActionView = Closed({
  id: Uuid,
  status: Literals('started', 'succeeded', 'failed', 'outcome_unknown', 'refused'),
  runId: Uuid,
  caseId: Nullable(Uuid),
  connectionId: Text(100),
  action: Text(100),
  attempts: Nullable(Type.Integer()),
  approvers: Type.Array(Text(200)),
  code: Nullable(Text(100)),
  reason: Nullable(Text(4000)),
  outputs: Nullable(AnyObject),
  startedAt: Nullable(Timestamp),
  endedAt: Nullable(Timestamp),
});
export type ActionView = Static<typeof ActionView>;

export const ActionCounts = Closed({
  started: Type.Integer(),
  succeeded: Type.Integer(),
  failed: Type.Integer(),
  outcome_unknown: Type.Integer(),
  refused: Type.Integer(),
});
export type ActionCounts = Static<typeof ActionCounts>;

const ConnectionParams = Closed({ id: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,99}$' }) });
const service = 'connector' as const;

export const endpoints: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/v1/connectors',
    service,
    auth: 'user',
    permission: 'connections:read',
    summary: 'The connectors of this release with their manifests',
    responses: { 200: Closed({ items: Type.Array(ConnectorView) }) },
  },
  {
    method: 'GET',
    path: '/v1/connections',
    service,
    auth: 'user',
    permission: 'connections:read',
    summary: 'The registered connections',
    responses: { 200: Closed({ items: Type.Array(ConnectionView) }) },
  },
  {
    method: 'GET',
    path: '/v1/connections/:id',
    service,
    auth: 'user',
    permission: 'connections:read',
    summary: 'One connection',
    params: ConnectionParams,
    responses: { 200: ConnectionView },
  },
  {
    method: 'PUT',
    path: '/v1/connections/:id',
    service,
    auth: 'user',
    permission: 'connections:write',
    decision: true,
    summary: 'Register a connection, or change it (its version counts up and open warrants for the old one are void)',
    params: ConnectionParams,
    body: RegisterConnectionBody,
    responses: { 200: ConnectionView },
  },
  {
    method: 'DELETE',
    path: '/v1/connections/:id',
    service,
    auth: 'user',
    permission: 'connections:write',
    decision: true,
    summary: 'Remove a connection: actions on it are refused from now on',
    params: ConnectionParams,
    responses: { 204: Type.Null() },
  },
  {
    method: 'GET',
    path: '/v1/actions/:id',
    service,
    auth: 'user',
    permission: 'actions:read',
    summary: 'What became of one action',
    params: Closed({ id: Uuid }),
    responses: { 200: ActionView },
  },
  {
    method: 'GET',
    path: '/v1/actions',
    service,
    auth: 'user',
    permission: 'actions:read',
    summary: 'How many actions ended how',
    responses: { 200: Closed({ counts: ActionCounts }) },
  },
];
