import type { TSchema } from 'typebox';
import { ALERT_MESSAGES } from './alert';
import { EVENT_CONTRACTS } from './events';
import type { Endpoint } from './http/endpoint';
import { ENDPOINTS } from './http/endpoints';
import { HTTP_SCHEMAS } from './http/schemas';
import { operationId, plain, type JsonDocument } from './openapi';
import type { VersionedContract } from './versioned-contract';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** The schema of what an event or a message of one type and version says. */
export interface DataSchema {
  /** `events/case/CaseOpened.v1`; `messages/AlertReceived.v1` for what is no event of the ledger. */
  readonly name: string;
  readonly type: string;
  readonly schema: TSchema;
}

/** Of every event and message, in the version of now and in every one before it. */
export function dataSchemas(): DataSchema[] {
  const events = Object.entries(EVENT_CONTRACTS).flatMap(([category, contracts]) =>
    versionsOf(`events/${category}`, contracts),
  );
  return [...events, ...versionsOf('messages', ALERT_MESSAGES)];
}

function versionsOf(group: string, contracts: Readonly<Record<string, VersionedContract>>): DataSchema[] {
  return Object.values(contracts).flatMap(({ type, schema, earlier }) => {
    const versions = [...earlier.map((version) => version.schema), schema];
    return versions.map((data, index) => ({ name: `${group}/${type}.v${index + 1}`, type, schema: data }));
  });
}

/**
 * A JSON Schema (2020-12) for every event and message of every version, and for every body over HTTP, by file name:
 * `events/case/CaseOpened.v1.json`, `http/CaseSummary.json`, `http/postV1Cases.request.json`.
 */
export function jsonSchemas(): Map<string, JsonDocument> {
  const files = new Map<string, JsonDocument>();
  const add = (name: string, title: string, schema: TSchema) => {
    const body = plain(schema);
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new TypeError(`${name} is no schema`);
    files.set(name, { $schema: DIALECT, $id: `/schemas/${name}`, title, ...body });
  };
  for (const { name, type, schema } of dataSchemas()) add(`${name}.json`, type, schema);
  for (const [schema, name] of HTTP_SCHEMAS) add(`http/${name}.json`, name, schema);
  for (const endpoint of ENDPOINTS.filter(({ local }) => local !== true)) {
    const id = operationId(endpoint);
    const answer = bestAnswer(endpoint);
    if (endpoint.body && !HTTP_SCHEMAS.has(endpoint.body)) add(`http/${id}.request.json`, id, endpoint.body);
    if (answer && !HTTP_SCHEMAS.has(answer)) add(`http/${id}.response.json`, id, answer);
  }
  return files;
}

/** The one of success. */
function bestAnswer({ responses }: Endpoint): TSchema | undefined {
  return Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1];
}
