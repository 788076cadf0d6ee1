import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';

const REFERENCE = /^secret:\/\/([a-z0-9][a-z0-9._-]{0,99})(?:@([A-Za-z0-9._-]{1,50}))?$/;
const LOOKS_LIKE_A_SECRET = /^(?:password|passwd|secret|token|api_?key|authorization|client_?secret|private_?key)$/i;

/**
 * Resolves `secret://name` and `secret://name@version` from files `<folder>/<name>` or `<folder>/<name>@<version>`, as
 * container platforms mount them. Only where something outside is called: a secret never enters an event, a message or a log.
 */
export class SecretFiles {
  constructor(private readonly folder: string) {}

  /** `settings` with every reference in it replaced. Throws DomainError('secret_unresolved'). */
  async resolve(settings: JsonObject): Promise<JsonObject> {
    const resolved: JsonObject = {};
    for (const [key, value] of Object.entries(settings)) {
      resolved[key] = typeof value === 'string' && value.startsWith('secret://') ? await this.read(key, value) : value;
    }
    return resolved;
  }

  private async read(field: string, reference: string): Promise<string> {
    const [, name, version] = REFERENCE.exec(reference) ?? [];
    if (name === undefined) {
      throw new DomainError('secret_unresolved', {
        field,
        reason: `"${reference}" is not of the form secret://name@version.`,
      });
    }
    const file = version === undefined ? name : `${name}@${version}`;
    try {
      return (await readFile(join(this.folder, file), 'utf8')).replace(/\r?\n$/, '');
    } catch (cause) {
      throw new DomainError('secret_unresolved', {
        field,
        reason: `There is no readable file "${file}" in the secrets folder (COUNTERSIGN_SECRETS_DIR).`,
        cause,
      });
    }
  }
}

/** Refuses a credential written out in `settings`, before it is stored anywhere. Throws DomainError('invalid_field'). */
export function refuseInlineCredentials(settings: JsonValue, path = 'settings'): void {
  if (Array.isArray(settings)) settings.forEach((item, index) => refuseInlineCredentials(item, `${path}[${index}]`));
  if (!isJsonObject(settings)) return;
  for (const [key, value] of Object.entries(settings)) {
    const field = `${path}.${key}`;
    if (LOOKS_LIKE_A_SECRET.test(key) && typeof value === 'string' && !value.startsWith('secret://')) {
      throw new DomainError('invalid_field', {
        field,
        reason: 'A credential must be a reference (secret://name@version), never the credential itself.',
      });
    }
    refuseInlineCredentials(value, field);
  }
}
