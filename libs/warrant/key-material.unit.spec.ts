import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyMaterial, loadKeyPair, loadRootPublicKey, publicKeyText, verifySigningKey } from './index';

const now = new Date('2026-11-24T10:00:00Z');
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-keys-'));
});
afterEach(() => rm(folder, { recursive: true }));
const settings = () => ({ keysFolder: folder, rootPublicKeyFile: join(folder, 'root.public.pem') });

describe('key material', () => {
  it('is made once, and the root vouches for both signing keys', async () => {
    await createKeyMaterial(folder, now);
    const root = await loadRootPublicKey(settings());
    for (const purpose of ['warrant', 'checkpoint'] as const) {
      const pair = await loadKeyPair(settings(), purpose);
      expect(pair.published.purpose).toBe(purpose);
      expect(publicKeyText(verifySigningKey(pair.published, root))).toBe(publicKeyText(pair.privateKey));
      expect((await stat(join(folder, `${purpose}.private.pem`))).mode & 0o777).toBe(0o600);
    }
    const before = await contents();
    await createKeyMaterial(folder, new Date());
    expect(await contents()).toEqual(before);
  });

  it('is the same for all when many processes make it at once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => createKeyMaterial(folder, now)));
    expect((await readdir(folder)).sort()).toEqual([
      'checkpoint.key.json',
      'checkpoint.private.pem',
      'root.private.pem',
      'root.public.pem',
      'warrant.key.json',
      'warrant.private.pem',
    ]);
    await loadKeyPair(settings(), 'warrant');
    await loadKeyPair(settings(), 'checkpoint');
  });

  it('stays untouched where somebody brought the keys of a root that is kept elsewhere', async () => {
    await createKeyMaterial(folder, now);
    await rm(join(folder, 'root.private.pem'));
    const before = await contents();
    await createKeyMaterial(folder, now);
    expect(await contents()).toEqual(before);
  });

  it('that is missing, mixed up or private where it should be public is named', async () => {
    await expect(loadRootPublicKey(settings())).rejects.toThrow(/root\.public\.pem cannot be read.*migrate/);
    await createKeyMaterial(folder, now);
    await writeFile(join(folder, 'warrant.private.pem'), await readFile(join(folder, 'checkpoint.private.pem')));
    await expect(loadKeyPair(settings(), 'warrant')).rejects.toThrow(/does not belong to .*warrant/);
    await writeFile(join(folder, 'checkpoint.key.json'), '{"keyId": 1}');
    await expect(loadKeyPair(settings(), 'checkpoint')).rejects.toThrow(/checkpoint\.key\.json/);
    await writeFile(join(folder, 'root.public.pem'), await readFile(join(folder, 'root.private.pem')));
    await expect(loadRootPublicKey(settings())).rejects.toThrow(/private key/);
  });
});

async function contents(): Promise<Record<string, string>> {
  const entries = await readdir(folder);
  return Object.fromEntries(
    await Promise.all(entries.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)),
  );
}
