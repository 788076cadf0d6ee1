import { isJsonObject, type JsonObject } from '#libs/kernel';
import { actionOf } from '../model/action-step';
import type { Playbook } from '../model/playbook';
import { referencesIn } from '../template';
import { error, type Finding } from './finding';

/** Keys under which a secret would stand. Compared without case, hyphens and underscores. */
const SECRET_KEYS = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'clientsecret',
  'token',
  'accesstoken',
  'apikey',
  'xapikey',
  'privatekey',
  'authorization',
  'proxyauthorization',
  'cookie',
  'credentials',
];

/**
 * Credentials that stand in the document itself. They are valid CACAO, and they must never reach the ledger: an import
 * refuses them by name (invariant 9). A `secret://` reference or a variable may stand there.
 */
export function findCredentials(playbook: Playbook): Finding[] {
  const dictionaries = (
    ['authentication_info_definitions', 'agent_definitions', 'target_definitions'] as const
  ).flatMap((dictionary) =>
    Object.entries(playbook[dictionary] ?? {}).flatMap(([id, definition]) =>
      credentialsIn(definition, `${dictionary}.${id}`),
    ),
  );
  const steps = Object.entries(playbook.workflow).flatMap(([id, step]) => {
    const at = `workflow.${id}`;
    const commands = step.type === 'action' ? step.commands : [];
    return [
      ...commands.flatMap((command, index) => credentialsIn(command.headers, `${at}.commands[${index}].headers`)),
      ...credentialsIn(actionOf(step)?.parameters, `${at}.parameters`),
    ];
  });
  return [...dictionaries, ...steps];
}

function credentialsIn(value: unknown, path: string): Finding[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => credentialsIn(item, `${path}[${index}]`));
  if (!isJsonObject(value)) return [];
  return Object.entries(value as JsonObject).flatMap(([key, item]) => {
    const at = `${path}.${key}`;
    return isSecretKey(key) && holdsLiteral(item)
      ? [error(at, 'holds a credential: register a connection and leave it out, or write secret://name')]
      : credentialsIn(item, at);
  });
}

const isSecretKey = (key: string): boolean => SECRET_KEYS.includes(key.toLowerCase().replace(/[-_]/g, ''));

function holdsLiteral(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(holdsLiteral);
  if (typeof value !== 'string' || value === '') return false;
  return !value.startsWith('secret://') && referencesIn(value).length === 0;
}
