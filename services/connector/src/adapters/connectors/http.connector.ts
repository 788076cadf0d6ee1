import type { JsonObject } from '#libs/kernel';
import { declareAction, HTTP_SETTINGS, textInput, type Connector, type TargetRequest } from './connector';

const path: JsonObject = { type: 'string', maxLength: 4_096, pattern: '^/(?!/)[^\\s\\\\]*$' };

/** Any JSON API. Nobody can know what a request does there, so everything but a GET is disruptive. */
export const httpConnector: Connector = {
  manifest: {
    connector: 'http',
    title: 'HTTP request',
    description: 'Sends a request to a JSON API that has no connector of its own.',
    settings: HTTP_SETTINGS,
    actions: [
      declareAction({
        name: 'get',
        title: 'Read from an API',
        effect: 'read',
        idempotent: true,
        wording: 'GET {parameters.path}',
        input: { path },
        required: ['path'],
        output: { status: { type: 'integer' }, body: {} },
      }),
      declareAction({
        name: 'request',
        title: 'Send a request to an API',
        effect: 'disruptive',
        idempotent: false,
        wording: '{parameters.method} {parameters.path}',
        input: {
          path,
          method: { type: 'string', enum: ['POST', 'PUT', 'PATCH', 'DELETE'] },
          body: {},
          comment: textInput(1_000),
        },
        required: ['path', 'method'],
        output: { status: { type: 'integer' }, body: {} },
      }),
    ],
  },
  async perform({ action, parameters, send }) {
    const answer = await send({
      method: action === 'get' ? 'GET' : methodOf(parameters['method']),
      path: String(parameters['path']),
      ...(parameters['body'] === undefined ? {} : { body: parameters['body'] }),
    });
    return { status: answer.status, body: answer.body };
  },
};

/** The manifest's input schema has let nothing else through. */
function methodOf(method: unknown): TargetRequest['method'] {
  return method === 'PUT' || method === 'PATCH' || method === 'DELETE' ? method : 'POST';
}
