import type { TSchema } from 'typebox';
import { EVENT_CONTRACTS } from './events';
import type { Endpoint } from './http/endpoint';
import { ENDPOINTS } from './http/endpoints';
import { HTTP_SCHEMAS } from './http/schemas';
import { operationId, plain, type JsonDocument } from './openapi';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/**
 * A JSON Schema (2020-12) for every event type of every version, and for every body over HTTP, by file name:
 * `events/case/CaseOpened.v1.json`, `http/CaseSummary.json`, `http/postV1Cases.request.json`.
 */
export function jsonSchemas(): Map<string, JsonDocument> {
  const files = new Map<string, JsonDocument>();
  const add = (name: string, title: string, schema: TSchema) => {
    const body = plain(schema);
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new TypeError(`${name} is no schema`);
    files.set(name, { $schema: DIALECT, $id: `/schemas/${name}`, title, ...body });
  };
  for (const [category, contracts] of Object.entries(EVENT_CONTRACTS)) {
    for (const { type, version, schema } of Object.values(contracts)) {
      add(`events/${category}/${type}.v${version}.json`, type, schema);
    }
  }
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
