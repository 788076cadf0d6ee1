import type { ActionManifest, ActionTarget, ConnectorManifest } from '#contracts/action';
import type { Answer, OutgoingRequest } from '#libs/egress';
import type { JsonObject, JsonValue } from '#libs/kernel';

/** One request to the target of the connection: `path` is below the connection's `baseUrl`. */
export interface TargetRequest {
  readonly method: OutgoingRequest['method'];
  readonly path: string;
  readonly body?: JsonValue;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a connector is given to perform one action. Everything in it has been checked against the manifest. */
export interface ActionCall {
  readonly action: string;
  readonly target: ActionTarget | null;
  readonly parameters: JsonObject;
  /** The connection's settings with secrets resolved. */
  readonly settings: JsonObject;
  /** Sends with authorization, idempotency key and traceparent set, under the connection's egress rules. */
  send(request: TargetRequest): Promise<Answer>;
}

/** One kind of outside system. */
export interface Connector {
  readonly manifest: ConnectorManifest;
  /** Performs an action of the manifest; the outputs follow its `output` schema. Throws what `send` throws. */
  perform(call: ActionCall): Promise<JsonObject>;
}

type ActionDeclaration = Pick<ActionManifest, 'name' | 'title' | 'effect' | 'idempotent' | 'wording'> &
  Partial<Pick<ActionManifest, 'description' | 'inverse' | 'preview' | 'targetTypes'>> & {
    /** Properties of `parameters`; those in `required` must be there. */
    readonly input?: JsonObject;
    readonly required?: readonly string[];
    readonly output?: JsonObject;
  };

/** An action as the manifest lists it, with the defaults filled in. */
export function declareAction(action: ActionDeclaration): ActionManifest {
  const { input = {}, required = [], output = {}, ...rest } = action;
  return {
    description: '',
    inverse: null,
    preview: false,
    targetTypes: [],
    ...rest,
    input: { type: 'object', properties: input, required: [...required], additionalProperties: false },
    output: { type: 'object', properties: output },
  };
}

/** Settings of a target that speaks JSON over HTTP. */
export const HTTP_SETTINGS: JsonObject = {
  type: 'object',
  properties: {
    baseUrl: { type: 'string', format: 'uri', pattern: '^https?://' },
    token: { type: 'string', pattern: '^secret://' },
  },
  required: ['baseUrl'],
  additionalProperties: false,
};

export const textInput = (maxLength: number): JsonObject => ({ type: 'string', minLength: 1, maxLength });

/** The members of a JSON answer that are named in `keys`; a target that leaves one out has answered less, not wrongly. */
export function pick(answer: Answer, ...keys: readonly string[]): JsonObject {
  const { body } = answer;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return {};
  return Object.fromEntries(keys.flatMap((key) => (body[key] === undefined ? [] : [[key, body[key]]])));
}
