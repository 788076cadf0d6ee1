import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyMaterial, KeyRing, loadEndedKeys, loadKeyPair, loadRootPublicKey, rotateKey } from './index';

const made = new Date('2026-11-24T10:00:00Z');
const now = new Date('2026-12-24T10:00:00Z');
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-keys-'));
  await createKeyMaterial(folder, made);
});
afterEach(() => rm(folder, { recursive: true }));
const files = () => ({ keysFolder: folder, rootPublicKeyFile: join(folder, 'root.public.pem') });
const rotate = async (overlapMs = 3_600_000) =>
  rotateKey(files(), 'checkpoint', {
    rootPrivateKey: await readFile(join(folder, 'root.private.pem'), 'utf8'),
    now,
    overlapMs,
  });

describe('a signing key that is replaced', () => {
  it('ends after the overlap, and what it signed before stays valid', async () => {
    const before = await loadKeyPair(files(), 'checkpoint');
    const warrant = await loadKeyPair(files(), 'warrant');
    expect(await rotate()).toMatchObject({ previous: { keyId: before.keyId, notAfter: '2026-12-24T11:00:00.000Z' } });
    const after = await loadKeyPair(files(), 'checkpoint');
    expect(after.keyId).not.toBe(before.keyId);
    expect((await stat(join(folder, 'checkpoint.private.pem'))).mode & 0o777).toBe(0o600);
    expect(await loadKeyPair(files(), 'warrant')).toEqual(warrant);

    const ring = new KeyRing(await loadRootPublicKey(files()));
    for (const key of [before.published, ...(await loadEndedKeys(files(), 'checkpoint')), after.published])
      ring.add(key);
    const valid = (keyId: string, at: string) => ring.publicKey(keyId, 'checkpoint', new Date(at)) !== undefined;
    expect(valid(before.keyId, '2026-12-01T00:00:00Z')).toBe(true);
    expect(valid(before.keyId, '2026-12-24T10:59:59Z')).toBe(true);
    expect(valid(before.keyId, '2026-12-24T11:00:00Z')).toBe(false);
    expect(valid(after.keyId, '2026-12-24T11:00:00Z')).toBe(true);
    expect(valid(after.keyId, '2026-12-01T00:00:00Z')).toBe(false);
    expect(await loadEndedKeys(files(), 'warrant')).toEqual([]);
  });

  it('can be replaced again', async () => {
    await rotate();
    await rotate(0);
    expect(await loadEndedKeys(files(), 'checkpoint')).toHaveLength(2);
    await loadKeyPair(files(), 'checkpoint');
  });

  it('is left alone when the root is not the pinned one', async () => {
    const before = await loadKeyPair(files(), 'checkpoint');
    const other = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(join(folder, 'root.private.pem'), other);
    await expect(rotate()).rejects.toMatchObject({ code: 'invalid_configuration', field: '--root-key' });
    expect(await loadKeyPair(files(), 'checkpoint')).toEqual(before);
    expect(await loadEndedKeys(files(), 'checkpoint')).toEqual([]);
  });

  it('whose end was tampered with is named', async () => {
    const { previous } = await rotate();
    const file = join(folder, `checkpoint.${previous.keyId}.ended.json`);
    await writeFile(file, (await readFile(file, 'utf8')).replace('11:00:00.000Z', '23:00:00.000Z'));
    await expect(loadEndedKeys(files(), 'checkpoint')).rejects.toThrow(/ended\.json.*root has not signed/);
  });
});
