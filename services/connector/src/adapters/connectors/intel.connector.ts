import { declareAction, HTTP_SETTINGS, pick, type Connector } from './connector';

/** Asks a threat-intelligence service; reads only. */
export const intelConnector: Connector = {
  manifest: {
    connector: 'intel',
    title: 'Threat intelligence',
    description: 'Looks up what is known about an address, a domain or a file hash.',
    settings: HTTP_SETTINGS,
    actions: [
      declareAction({
        name: 'lookup',
        title: 'Look up an indicator',
        effect: 'read',
        idempotent: true,
        targetTypes: ['ipv4-addr', 'ipv6-addr', 'domain-name', 'url', 'file-hash'],
        wording: 'Look up {target.value}',
        output: {
          verdict: { type: 'string' },
          score: { type: 'integer' },
          known: { type: 'boolean' },
          comment: { type: 'string' },
        },
      }),
    ],
  },
  async perform({ target, send }) {
    const query = new URLSearchParams({ type: target?.type ?? '', value: target?.value ?? '' });
    const answer = await send({ method: 'GET', path: `/indicators?${query.toString()}` });
    return pick(answer, 'verdict', 'score', 'known', 'comment');
  },
};
