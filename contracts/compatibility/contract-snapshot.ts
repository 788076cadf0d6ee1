import type { TSchema } from 'typebox';
import { isJsonObject } from '#libs/kernel';
import type { Endpoint } from '../http/endpoint';
import { ENDPOINTS } from '../http/endpoints';
import { dataSchemas } from '../json-schemas';
import { plain } from '../openapi';
import { type JsonSchema, withoutAnnotations } from './json-schema';

/** What goes over one endpoint. */
export interface EndpointSchemas {
  /** What callers send. */
  readonly params?: JsonSchema;
  readonly query?: JsonSchema;
  readonly body?: JsonSchema;
  /** What they are answered, by status. */
  readonly responses: Readonly<Record<string, JsonSchema>>;
}

/** What a release promises those who have data, clients and consumers of it. Schemas stand without their annotations. */
export interface ContractSnapshot {
  /** Of what events and messages say, by the names that their schemas have: `events/case/CaseOpened.v1`. */
  readonly events: Readonly<Record<string, JsonSchema>>;
  /** By method and path: `GET /v1/cases/:id`. */
  readonly http: Readonly<Record<string, EndpointSchemas>>;
}

export function currentSnapshot(): ContractSnapshot {
  const events = dataSchemas().map(({ name, schema }) => [name, bare(schema)]);
  const served = ENDPOINTS.filter(({ local }) => local !== true);
  const http = served.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, schemasOf(endpoint)]);
  return { events: Object.fromEntries(events), http: Object.fromEntries(http) };
}

function schemasOf({ params, query, body, responses }: Endpoint): EndpointSchemas {
  const answers = Object.entries(responses).map(([status, schema]) => [status, bare(schema)]);
  return {
    ...(params && { params: bare(params) }),
    ...(query && { query: bare(query) }),
    ...(body && { body: bare(body) }),
    responses: Object.fromEntries(answers),
  };
}

function bare(schema: TSchema): JsonSchema {
  const json = plain(schema);
  return isJsonObject(json) ? withoutAnnotations(json) : {};
}
