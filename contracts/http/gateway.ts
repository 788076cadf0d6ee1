import Type, { type Static } from 'typebox';
import { CATEGORIES } from '../envelope';
import { Closed, Literals, Text } from '../schema';
import type { Endpoint } from './endpoint';

/** RFC 6749, section 4.5, with a grant type of our own that names a subject and proves nothing. */
export const LocalTokenInput = Closed({
  grant_type: Literals('urn:countersign:params:oauth:grant-type:local'),
  subject: Text(200),
  client_id: Type.Optional(Text(200)),
  audience: Type.Optional(Text(200)),
});
export type LocalTokenInput = Static<typeof LocalTokenInput>;

export const LocalToken = Closed({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Seconds.' }),
});
export type LocalToken = Static<typeof LocalToken>;

/** What `/v1/live` carries, unless fewer are asked for. Policy, keys and checkpoints are the auditor's: /v1/audit. */
export const LIVE_CATEGORIES = ['alert', 'correlation', 'case', 'playbook', 'run', 'approval', 'action'] as const;

const categoriesPattern = `^(${CATEGORIES.join('|')})(,(${CATEGORIES.join('|')}))*$`;

export const LiveQuery = Closed({
  categories: Type.Optional(
    Type.String({ pattern: categoriesPattern, description: `Separated by commas, of ${LIVE_CATEGORIES.join(', ')}.` }),
  ),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Like the header Last-Event-ID.' })),
});
export type LiveQuery = Static<typeof LiveQuery>;

const open = { service: 'gateway', auth: 'public' } as const;
const page = { ...open, method: 'GET', responses: { 200: Type.String() }, produces: 'text/html' } as const;
const json = { ...open, method: 'GET', responses: { 200: Type.Object({}, { additionalProperties: true }) } } as const;
const mcp = {
  service: 'gateway',
  path: '/mcp',
  auth: 'user',
  audience: 'countersign-mcp',
  permission: 'cases:read',
} as const;
const JsonRpc = Type.Object({}, { additionalProperties: true });

export const endpoints: readonly Endpoint[] = [
  { ...page, path: '/', summary: 'Where to find what' },
  { ...page, path: '/docs', summary: 'This documentation as a page' },
  { ...json, path: '/openapi.json', summary: 'The HTTP API as OpenAPI 3.1' },
  { ...json, path: '/asyncapi.json', summary: 'The topics and messages of the bus as AsyncAPI 3.0' },
  { ...json, path: '/schemas', summary: 'The names of all JSON Schemas' },
  {
    ...json,
    path: '/schemas/*',
    summary: 'One JSON Schema of an event type or an HTTP body',
    params: Closed({ '*': Text(300) }),
  },
  {
    ...json,
    path: '/.well-known/openid-configuration',
    summary: 'The local issuer, in the demo and development profiles',
  },
  { ...json, path: '/.well-known/jwks.json', summary: "The local issuer's public keys" },
  {
    ...json,
    path: '/.well-known/oauth-protected-resource',
    summary: 'Where tokens for /mcp come from (RFC 9728)',
  },
  {
    ...json,
    path: '/.well-known/oauth-protected-resource/mcp',
    summary: 'The same, where clients of MCP look for it first',
  },
  {
    ...open,
    method: 'POST',
    path: '/oauth/token',
    summary: 'A token for a local account, in the demo and development profiles',
    description: 'Open to whoever reaches it: the profiles are for one machine. In production the answer is 404.',
    consumes: ['application/x-www-form-urlencoded', 'application/json'],
    body: LocalTokenInput,
    responses: { 200: LocalToken },
  },
  {
    method: 'GET',
    path: '/v1/live',
    service: 'gateway',
    auth: 'user',
    permission: 'cases:read',
    summary: 'What happens, as it happens: server-sent events of the ledger',
    description:
      'Begins now, or after the Last-Event-ID. An event may come twice after a reconnect: its `id` in the data tells.',
    query: LiveQuery,
    responses: { 200: Type.String() },
    produces: 'text/event-stream',
  },
  {
    ...mcp,
    method: 'POST',
    summary: 'Model Context Protocol, Streamable HTTP, stateless: tools for AI agents',
    description:
      'Tools read cases, runs and playbooks, validate playbooks and draft them. None activates, grants or denies.',
    body: Type.Union([JsonRpc, Type.Array(JsonRpc)]),
    responses: { 200: JsonRpc, 202: Type.String() },
  },
  { ...mcp, method: 'GET', summary: 'Refused with 405: this server sends no messages of its own', responses: {} },
  { ...mcp, method: 'DELETE', summary: 'Refused with 405: this server keeps no sessions', responses: {} },
];
