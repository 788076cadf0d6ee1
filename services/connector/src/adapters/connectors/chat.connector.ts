import { declareAction, HTTP_SETTINGS, pick, textInput, type Connector } from './connector';

/** Posts to a channel. Chat systems do not know idempotency keys: a lost answer is an unknown outcome. */
export const chatConnector: Connector = {
  manifest: {
    connector: 'chat',
    title: 'Chat',
    description: 'Posts messages to a channel: notify the people on call.',
    settings: HTTP_SETTINGS,
    actions: [
      declareAction({
        name: 'post_message',
        title: 'Post a message',
        effect: 'write',
        idempotent: false,
        wording: 'Post to {parameters.channel}: {parameters.text}',
        input: { channel: textInput(200), text: textInput(8_000) },
        required: ['channel', 'text'],
        output: { message_id: { type: 'string' } },
      }),
    ],
  },
  async perform({ parameters, send }) {
    return pick(await send({ method: 'POST', path: '/messages', body: parameters }), 'message_id');
  },
};
