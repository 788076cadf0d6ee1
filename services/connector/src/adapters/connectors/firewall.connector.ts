import type { JsonObject } from '#libs/kernel';
import { declareAction, HTTP_SETTINGS, pick, textInput, type Connector } from './connector';

const input: JsonObject = {
  duration_minutes: { type: 'integer', minimum: 1, maximum: 525_600 },
  comment: textInput(1_000),
};
const output: JsonObject = { rule_id: { type: 'string' } };
const targetTypes = ['ipv4-addr', 'ipv6-addr'];

/** OpenC2's deny and allow of an address. Blocking cuts people off, and unblocking lets an attacker in: both are disruptive. */
export const firewallConnector: Connector = {
  manifest: {
    connector: 'firewall',
    title: 'Firewall',
    description: 'Blocks and unblocks addresses.',
    settings: HTTP_SETTINGS,
    actions: [
      declareAction({
        name: 'block_address',
        title: 'Block an address',
        effect: 'disruptive',
        inverse: 'unblock_address',
        idempotent: true,
        preview: true,
        targetTypes,
        wording: 'Block all traffic from and to {target.value}',
        input,
        output,
      }),
      declareAction({
        name: 'unblock_address',
        title: 'Unblock an address',
        effect: 'disruptive',
        inverse: 'block_address',
        idempotent: true,
        targetTypes,
        wording: 'Let traffic from and to {target.value} through again',
        input: { comment: textInput(1_000) },
        output,
      }),
    ],
  },
  async perform({ action, target, parameters, send }) {
    const body = { action: action === 'block_address' ? 'deny' : 'allow', address: target?.value ?? '', ...parameters };
    return pick(await send({ method: 'POST', path: '/rules', body }), 'rule_id');
  },
};
