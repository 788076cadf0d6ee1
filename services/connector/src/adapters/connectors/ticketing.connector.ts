import { declareAction, HTTP_SETTINGS, pick, textInput, type Connector } from './connector';

/** Opens tickets and comments on them. */
export const ticketingConnector: Connector = {
  manifest: {
    connector: 'ticketing',
    title: 'Ticketing',
    description: 'Opens tickets and adds comments to them.',
    settings: HTTP_SETTINGS,
    actions: [
      declareAction({
        name: 'create_ticket',
        title: 'Open a ticket',
        effect: 'write',
        idempotent: true,
        wording: 'Open a ticket: {parameters.title}',
        input: { title: textInput(500), description: textInput(20_000), severity: textInput(50) },
        required: ['title'],
        output: { ticket_id: { type: 'string' }, url: { type: 'string' } },
      }),
      declareAction({
        name: 'add_comment',
        title: 'Comment on a ticket',
        effect: 'write',
        idempotent: true,
        wording: 'Comment on ticket {parameters.ticket_id}: {parameters.text}',
        input: { ticket_id: textInput(200), text: textInput(20_000) },
        required: ['ticket_id', 'text'],
        output: { comment_id: { type: 'string' } },
      }),
    ],
  },
  async perform({ action, parameters, send }) {
    if (action === 'create_ticket') {
      return pick(await send({ method: 'POST', path: '/tickets', body: parameters }), 'ticket_id', 'url');
    }
    const ticket = encodeURIComponent(String(parameters['ticket_id']));
    const body = { text: parameters['text'] ?? '' };
    return pick(await send({ method: 'POST', path: `/tickets/${ticket}/comments`, body }), 'comment_id');
  },
};
