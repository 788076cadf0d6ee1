import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { access, chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SigningKey } from '#contracts/action';
import { DomainError, newId } from '#libs/kernel';
import { isSigningKey, requireContract } from './contract-check';
import { keyIdOf, publicKeyText } from './ed25519-key';
import { signSigningKey, verifySigningKey, type SigningPurpose } from './signing-key';
import type { Signer } from './warrant';

/** Where the keys lie: part of every service's settings. */
export interface KeyFiles {
  readonly keysFolder: string;
  /** The root that this installation pins, PEM. */
  readonly rootPublicKeyFile: string;
}

const ROOT_PRIVATE = 'root.private.pem';
const ROOT_PUBLIC = 'root.public.pem';
const PURPOSES: readonly SigningPurpose[] = ['warrant', 'checkpoint'];
export const privateFile = (purpose: SigningPurpose) => `${purpose}.private.pem`;
/** The public key as the root has signed it: what SigningKeyPublished says. */
export const publishedFile = (purpose: SigningPurpose) => `${purpose}.key.json`;

/** A signing key with its private half. */
export interface KeyPair extends Signer {
  readonly published: SigningKey;
}

/**
 * Makes the root key and the two signing keys that it vouches for, for the demo and development profiles. What is there
 * stays, so that it can be called at every start, by several processes at once: a file appears complete or not at all,
 * and the first one wins.
 */
export async function createKeyMaterial(folder: string, now: Date): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  // The private half is written first: a public half alone was brought by somebody whose root is kept elsewhere.
  if ((await exists(join(folder, ROOT_PUBLIC))) && !(await exists(join(folder, ROOT_PRIVATE)))) return;
  const root = await privateKeyIn(folder, ROOT_PRIVATE);
  await createFile(join(folder, ROOT_PUBLIC), createPublicKey(root).export({ type: 'spki', format: 'pem' }), 0o644);
  for (const purpose of PURPOSES) {
    const key = await privateKeyIn(folder, privateFile(purpose));
    const published = signSigningKey(
      { purpose, publicKey: createPublicKey(key), notBefore: now.toISOString(), notAfter: null },
      root,
    );
    await createFile(join(folder, publishedFile(purpose)), `${JSON.stringify(published, null, 2)}\n`, 0o644);
  }
}

/** The root key that this installation pins. Throws DomainError('invalid_configuration'). */
export async function loadRootPublicKey({
  rootPublicKeyFile: file,
}: Pick<KeyFiles, 'rootPublicKeyFile'>): Promise<KeyObject> {
  const pem = await readKeyFile(file, 'COUNTERSIGN_ROOT_PUBLIC_KEY_FILE');
  return parsed(file, 'COUNTERSIGN_ROOT_PUBLIC_KEY_FILE', () => {
    // A private key would parse as a public one too: it must not lie where every service reads.
    if (pem.includes('PRIVATE KEY')) throw new Error('the file holds a private key');
    const key = createPublicKey(pem);
    publicKeyText(key);
    return key;
  });
}

/**
 * The private key for one purpose and the root-signed publication of it, checked against each other and the root.
 * Throws DomainError('invalid_configuration').
 */
export async function loadKeyPair(files: KeyFiles, purpose: SigningPurpose): Promise<KeyPair> {
  const root = await loadRootPublicKey(files);
  const file = join(files.keysFolder, privateFile(purpose));
  const pem = await readKeyFile(file, 'COUNTERSIGN_KEYS_DIR');
  const privateKey = parsed(file, 'COUNTERSIGN_KEYS_DIR', () => createPrivateKey(pem));
  const publication = join(files.keysFolder, publishedFile(purpose));
  const json = await readKeyFile(publication, 'COUNTERSIGN_KEYS_DIR');
  return parsed(publication, 'COUNTERSIGN_KEYS_DIR', () => {
    const published: unknown = JSON.parse(json);
    requireContract(isSigningKey, published, 'signing_key_invalid');
    verifySigningKey(published, root);
    if (published.purpose !== purpose) throw new Error(`the key is published for ${published.purpose}`);
    if (published.keyId !== keyIdOf(publicKeyText(privateKey))) throw new Error(`it does not belong to ${file}`);
    return { keyId: published.keyId, privateKey, published };
  });
}

async function privateKeyIn(folder: string, name: string): Promise<KeyObject> {
  const fresh = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  await createFile(join(folder, name), fresh, 0o600);
  return createPrivateKey(await readFile(join(folder, name)));
}

/** Link, not rename: linking fails when the name exists, so that a second creator keeps the first one's file. */
async function createFile(file: string, content: string | Buffer, mode: number): Promise<void> {
  const draft = `${file}.${newId()}`;
  await writeFile(draft, content, { mode, flush: true });
  try {
    await link(draft, file);
  } catch (error) {
    if (!isTaken(error)) throw error;
  } finally {
    await rm(draft);
  }
}

const isTaken = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'EEXIST';

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function readKeyFile(file: string, field: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new DomainError('invalid_configuration', {
      field,
      reason: `${file} cannot be read. \`countersign migrate\` makes the keys of the demo and development profiles.`,
      cause,
    });
  }
}

function parsed<T>(file: string, field: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DomainError('invalid_configuration', { field, reason: `${file}: ${reason}`, cause });
  }
}
