import Type, { type TObject, type TSchema } from 'typebox';
import type { ServiceName } from '../envelope';
import type { Permission } from '../identity';
import { Closed, Text } from '../schema';

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

export type Protocol = 'splunk-hec' | 'elastic-bulk' | 'otlp';

interface EndpointShape {
  readonly method: Method;
  /** Fastify's syntax: `/v1/cases/:id`, a last `*` for everything below. */
  readonly path: `/${string}`;
  /** The service that serves it; the gateway passes it on to there. */
  readonly service: ServiceName;
  /** One line, for /docs: what a call does. */
  readonly summary: string;
  readonly description?: string;
  readonly params?: TObject;
  /** Values arrive as text and are coerced to the schema's types. */
  readonly query?: TObject;
  readonly body?: TSchema;
  /** The content types that the body may have; `application/json` by default. */
  readonly consumes?: readonly string[];
  /** By status: the body of the answer. Problems need no entry: every endpoint may answer with one. */
  readonly responses: Readonly<Record<number, TSchema>>;
  /** The content type of the answer; `application/json` by default. */
  readonly produces?: string;
  /**
   * The controller reads the body itself, as a stream (`@RawBody() body: Readable`): no size limit, no parsing and no
   * validation by the guard. `body` then describes it for people only.
   */
  readonly rawBody?: true;
  /**
   * The protocol of another product that is spoken here. How its callers say who they are, and what an error looks like to
   * them, is its own (`ForeignProtocols` of the service).
   */
  readonly protocol?: Protocol;
  /** Served on the service's own port only; the gateway does not pass it on. */
  readonly local?: true;
}

/** Nobody is asked who they are: health, keys, log-in, docs. The table is the list of all that is public. */
export interface PublicEndpoint extends EndpointShape {
  readonly auth: 'public';
}

/** A JWT is required, and one of its roles has the permission. */
export interface UserEndpoint extends EndpointShape {
  readonly auth: 'user';
  readonly permission: Permission;
  /**
   * A decision of a human: the MCP audience, tokens with an `act` claim and every kind but human are refused
   * (invariant 5). Set on everything that grants, denies, activates, or changes who may.
   */
  readonly decision?: true;
  /** Besides `countersign`, `/mcp` alone takes this audience, and takes nothing else. */
  readonly audience?: 'countersign-mcp';
}

/** An opaque source token is required (`Authorization: Bearer` or `Splunk`), checked by the service itself. */
export interface SourceEndpoint extends EndpointShape {
  readonly auth: 'source';
}

/** One row of the table that authenticates, authorizes, validates, routes and documents every HTTP endpoint. */
export type Endpoint = PublicEndpoint | UserEndpoint | SourceEndpoint;

export const FieldError = Closed({
  field: Type.String({ description: 'The path of the field: `items[3].name`.' }),
  reason: Type.String({ description: 'What is wrong with it.' }),
});

/** What every error looks like: RFC 9457, media type `application/problem+json`. */
export const Problem = Closed({
  type: Type.String({ description: 'A URI reference that names the kind of problem: `/docs#problem-<code>`.' }),
  title: Type.String({ description: 'The same for every problem of this code.' }),
  status: Type.Integer({ minimum: 400, maximum: 599 }),
  code: Type.String({ description: 'The code of the catalogue, for programs.' }),
  detail: Type.String({ description: 'The reason: what was wrong here, and what to do.' }),
  field: Type.Optional(Type.String({ description: 'The field that is wrong.' })),
  errors: Type.Optional(Type.Array(FieldError, { description: 'All of them, when several fields are wrong.' })),
});
export type Problem = Type.Static<typeof Problem>;
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** A page of a list, newest or most urgent first as the endpoint says; `next` is absent on the last one. */
export function paged<Item extends TSchema>(item: Item) {
  return Closed({ items: Type.Array(item), next: Type.Optional(Text(500)) });
}

/** The query parameters of a paged list, to be spread into an endpoint's `query`. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: 'The `next` of the page before.' })),
};

/** The params of a path with one `:id`. */
export const IdParams = Closed({ id: Text(200) });
