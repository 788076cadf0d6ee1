import type { TSchema } from 'typebox';
import { ERROR_CATALOGUE } from '#libs/kernel';
import { ElasticError } from './http/elastic-bulk';
import { Problem, PROBLEM_MEDIA_TYPE, type Endpoint, type Protocol } from './http/endpoint';
import { ENDPOINTS } from './http/endpoints';
import { OtlpStatus } from './http/otlp';
import { HTTP_SCHEMAS } from './http/schemas';
import { HecAnswer } from './http/splunk-hec';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonDocument = { [key: string]: Json };

const PROBLEM_RESPONSE: JsonDocument = {
  description: 'The reason, as RFC 9457 has it',
  content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
};

const STATUS_TEXT: Record<number, string> = {
  200: 'Done',
  201: 'Made',
  202: 'Accepted',
  204: 'Done',
  503: 'Not ready',
};

/**
 * OpenAPI 3.1 of everything that is served through the gateway, made from the table of endpoints alone. Schemas that a
 * contract exports under a name stand once, under `components`.
 */
export function openApiDocument(endpoints: readonly Endpoint[] = ENDPOINTS): JsonDocument {
  const served = endpoints.filter((endpoint) => endpoint.local !== true || endpoint.service === 'gateway');
  const paths: Record<string, JsonDocument> = {};
  for (const endpoint of served) {
    const path = openApiPath(endpoint.path);
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint) };
  }
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'Countersign',
      version: '1',
      description:
        'Security orchestration, automation and response in which nothing disruptive happens without a human. ' +
        'Every error is a problem by RFC 9457 with a code of the catalogue.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(served.map(({ service }) => service))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        user: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A token of the OIDC issuer; in the demo and development profiles from POST /oauth/token.',
        },
        source: {
          type: 'http',
          scheme: 'bearer',
          description: 'The token of an alert source. `Authorization: Splunk TOKEN` is taken too.',
        },
      },
      schemas: {
        Problem: { ...inlined(Problem, Problem), 'x-codes': Object.keys(ERROR_CATALOGUE) },
        ...Object.fromEntries([...HTTP_SCHEMAS].map(([schema, name]) => [name, inlined(schema, schema)])),
      },
    },
  };
}

function operation(endpoint: Endpoint): JsonDocument {
  const { summary, description, service, query, params, body, responses, auth } = endpoint;
  const answers = Object.entries(responses).map(([status, schema]) => [
    status,
    {
      description: STATUS_TEXT[Number(status)] ?? 'The answer',
      content: { [endpoint.produces ?? 'application/json']: { schema: referenced(schema) } },
    },
  ]);
  return {
    operationId: operationId(endpoint),
    summary,
    ...(description !== undefined && { description }),
    tags: [service],
    ...(auth !== 'public' && { security: [{ [auth]: [] }] }),
    ...(auth === 'user' && {
      'x-permission': endpoint.permission,
      ...(endpoint.decision === true && { 'x-decision': true }),
      ...(endpoint.audience !== undefined && { 'x-audience': endpoint.audience }),
    }),
    parameters: [...parameters(params, 'path'), ...parameters(query, 'query')],
    ...(body !== undefined && {
      requestBody: {
        required: true,
        content: Object.fromEntries(
          (endpoint.consumes ?? ['application/json']).map((type) => [type, { schema: referenced(body) }]),
        ),
      },
    }),
    responses: { ...Object.fromEntries(answers), default: errorResponse(endpoint) },
  };
}

/** Another product's protocol has errors of its own. */
function errorResponse({ protocol }: Endpoint): JsonDocument {
  if (protocol === undefined) return PROBLEM_RESPONSE;
  return { description: 'An error', content: { 'application/json': { schema: referenced(FOREIGN_ERRORS[protocol]) } } };
}

const FOREIGN_ERRORS: Readonly<Record<Protocol, TSchema>> = {
  'splunk-hec': HecAnswer,
  'elastic-bulk': ElasticError,
  otlp: OtlpStatus,
};

function parameters(schema: TSchema | undefined, place: 'path' | 'query'): Json[] {
  if (schema === undefined || !('properties' in schema)) return [];
  const required = 'required' in schema && Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const json = plain(property);
    const description = isDocument(json) && typeof json.description === 'string' ? json.description : undefined;
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(description !== undefined && { description }),
      schema: json,
    };
  });
}

/** `getV1CasesById`; unique, since method and path are. */
export function operationId({ method, path }: Endpoint): string {
  const words = path
    .replaceAll('*', 'rest')
    .replaceAll(/:(\w+)/g, 'by-$1')
    .split(/[^A-Za-z0-9]+/);
  return words.reduce((id, word) => id + word.charAt(0).toUpperCase() + word.slice(1), method.toLowerCase());
}

const openApiPath = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}').replaceAll('*', '{rest}');

/** The schema with what has a name replaced by a reference to it, but for `itself`. */
function inlined(schema: unknown, itself: TSchema): JsonDocument {
  const json = replaceNamed(schema, itself);
  return isDocument(json) ? json : {};
}

const referenced = (schema: TSchema): Json => replaceNamed(schema, undefined);

function replaceNamed(value: unknown, itself: TSchema | undefined): Json {
  if (typeof value === 'object' && value !== null && value !== itself) {
    const name = nameOf(value);
    if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  }
  if (Array.isArray(value)) return value.map((item) => replaceNamed(item, itself));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaceNamed(item, itself)]));
  }
  return plain(value);
}

function nameOf(value: object): string | undefined {
  if (value === Problem) return 'Problem';
  for (const [schema, name] of HTTP_SCHEMAS) if (schema === value) return name;
  return undefined;
}

/** TypeBox's schemas are JSON Schemas with a marker that JSON does not show. */
export function plain(value: unknown): Json {
  const json: Json = JSON.parse(JSON.stringify(value ?? null));
  return json;
}

function isDocument(value: Json): value is JsonDocument {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
