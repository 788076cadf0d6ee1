import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SigningKey } from '#contracts/action';
import { DomainError, newId } from '#libs/kernel';
import { isSigningKey, requireContract } from './contract-check';
import { publicKeyOf } from './ed25519-key';
import { type KeyFiles, loadKeyPair, loadRootPublicKey, privateFile, publishedFile } from './key-material';
import { signSigningKey, verifySigningKey, type SigningPurpose } from './signing-key';

export interface RotatedKey {
  readonly purpose: SigningPurpose;
  readonly keyId: string;
  /** The one before, which ends then. */
  readonly previous: { readonly keyId: string; readonly notAfter: string };
}

/** A key that has been replaced: published again, with its end. */
const endedFile = ({ purpose, keyId }: SigningKey) => `${purpose}.${keyId}.ended.json`;
const ENDED = /^(warrant|checkpoint)\.[\w-]{43}\.ended\.json$/;

/**
 * Replaces a signing key. Services take the new one up when they start, and publish the end of the one before.
 * @param rootPrivateKey of the pinned root, PEM; nothing but this call needs it.
 * @param overlapMs for which the key before stays valid: what it has signed is still under way.
 * @throws DomainError('invalid_configuration') when the root is another one than the pinned one.
 */
export async function rotateKey(
  files: KeyFiles,
  purpose: SigningPurpose,
  { rootPrivateKey, now, overlapMs }: { rootPrivateKey: string; now: Date; overlapMs: number },
): Promise<RotatedKey> {
  const before = await loadKeyPair(files, purpose);
  const root = createPrivateKey(rootPrivateKey);
  const notAfter = new Date(now.getTime() + overlapMs).toISOString();
  const { notBefore, publicKey: raw } = before.published;
  const ended = signSigningKey({ purpose, publicKey: publicKeyOf(raw), notBefore, notAfter }, root);
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = createPublicKey(privateKey);
  const published = signSigningKey({ purpose, publicKey, notBefore: now.toISOString(), notAfter: null }, root);
  try {
    verifySigningKey(published, await loadRootPublicKey(files));
  } catch (cause) {
    const reason = 'this root key is not the one that is pinned here';
    throw new DomainError('invalid_configuration', { field: '--root-key', reason, cause });
  }
  const { keysFolder } = files;
  await replace(join(keysFolder, endedFile(ended)), jsonOf(ended), 0o644);
  await replace(join(keysFolder, privateFile(purpose)), privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600);
  await replace(join(keysFolder, publishedFile(purpose)), jsonOf(published), 0o644);
  return { purpose, keyId: published.keyId, previous: { keyId: ended.keyId, notAfter } };
}

/** The keys that were replaced, with their ends. @throws DomainError('invalid_configuration') for one that is none. */
export async function loadEndedKeys(files: KeyFiles, purpose: SigningPurpose): Promise<SigningKey[]> {
  const root = await loadRootPublicKey(files);
  const names = (await readdir(files.keysFolder)).filter((name) => ENDED.test(name) && name.startsWith(`${purpose}.`));
  return Promise.all(
    names.sort().map(async (name) => {
      try {
        const key: unknown = JSON.parse(await readFile(join(files.keysFolder, name), 'utf8'));
        requireContract(isSigningKey, key, 'signing_key_invalid');
        verifySigningKey(key, root);
        return key;
      } catch (cause) {
        const reason = `${join(files.keysFolder, name)}: ${cause instanceof Error ? cause.message : String(cause)}`;
        throw new DomainError('invalid_configuration', { field: 'COUNTERSIGN_KEYS_DIR', reason, cause });
      }
    }),
  );
}

const jsonOf = (key: SigningKey): string => `${JSON.stringify(key, null, 2)}\n`;

/** Complete or not at all. */
async function replace(file: string, content: string | Buffer, mode: number): Promise<void> {
  const draft = `${file}.${newId()}`;
  await writeFile(draft, content, { mode, flush: true });
  await rename(draft, file);
}
