import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SigningKey } from '#contracts/action';
import type { CheckpointClaims } from '#libs/audit';
import { canonicalJson, EMPTY_ROOT } from '#libs/event-store';
import { usePython } from '#libs/testing';
import { type KeyToSign, keyIdOf, publicKeyText, signSigningKey } from '#libs/warrant';
import { AuditedLedger, exportLines } from '../../libs/audit/audited-ledger.fixture';
import { kinds, useTwoVerifiers } from './two-verifiers';

const python = usePython();

/** The last bits of a text in base64url that its bytes do not use, set: another text for the same bytes. */
function withUnusedBits(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return `${text.slice(0, -1)}${alphabet[alphabet.indexOf(text.slice(-1)) + 1]}`;
}

python.describe(
  'two verifiers, of a ledger that holds what its root did not sign or its signer should not have,',
  () => {
    let folder: string;
    const verify = useTwoVerifiers({ python, rootKeyFile: () => join(folder, 'root.pem'), folder: () => folder });
    const verified = async (ledger: AuditedLedger) => {
      writeFileSync(join(folder, 'root.pem'), ledger.rootPublicKey.export({ type: 'spki', format: 'pem' }));
      return verify(`${(await exportLines(await ledger.events())).join('\n')}\n`);
    };
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'countersign-verifier-'));
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    /** A ledger with these keys, an event, and a checkpoint over them. */
    async function ledgerWith(keys: (ledger: AuditedLedger) => readonly SigningKey[]): Promise<AuditedLedger> {
      const ledger = new AuditedLedger();
      for (const key of keys(ledger)) await ledger.publishKey(key);
      await ledger.note('case-a', 'one');
      await ledger.checkpoint();
      return ledger;
    }
    const signed = (ledger: AuditedLedger, change: Partial<KeyToSign>, root: KeyObject = ledger.root): SigningKey => {
      const publicKey = createPublicKey(ledger.keys.privateKey);
      const { notBefore, notAfter } = ledger.keys.published;
      return signSigningKey({ purpose: 'checkpoint', publicKey, notBefore, notAfter, ...change }, root);
    };
    const resigned = (ledger: AuditedLedger, change: Partial<SigningKey>): SigningKey => {
      const { rootSignature: _, ...unsigned } = { ...ledger.keys.published, ...change };
      const signature = sign(null, Buffer.from(canonicalJson(unsigned)), ledger.root);
      return { ...unsigned, rootSignature: signature.toString('base64url') };
    };
    const otherRoot = generateKeyPairSync('ed25519').privateKey;

    it('find nothing wrong where all is as it should be', async () => {
      expect(await verified(await ledgerWith(({ keys }) => [keys.published]))).toMatchObject({ verified: true });
      // Signed at 10:00:00.000 of that day.
      const exact = { notBefore: '2026-11-24T11:00:00+01:00', notAfter: '2026-11-24T10:00:00.001Z' };
      expect(await verified(await ledgerWith((ledger) => [signed(ledger, exact)]))).toMatchObject({ verified: true });
    });

    const keyNotTaken: Record<string, (ledger: AuditedLedger) => readonly SigningKey[]> = {
      'of another root': (ledger) => [signed(ledger, {}, otherRoot)],
      'that names the root, which did not sign it': (ledger) => [
        { ...signed(ledger, {}, otherRoot), rootKeyId: ledger.keys.published.rootKeyId },
      ],
      'changed afterwards': ({ keys }) => [{ ...keys.published, notBefore: '2020-01-01T00:00:00.000Z' }],
      'whose id is not its thumbprint': ({ keys, rootPublicKey }) => [
        { ...keys.published, keyId: keyIdOf(publicKeyText(rootPublicKey)) },
      ],
      'that the root has signed with another id than its own': (ledger) => [
        resigned(ledger, { publicKey: publicKeyText(ledger.root) }),
      ],
      'that the root has signed for another root': (ledger) => [resigned(ledger, { rootKeyId: ledger.keys.keyId })],
      'with a signature written otherwise': ({ keys }) => [
        { ...keys.published, rootSignature: withUnusedBits(keys.published.rootSignature) },
      ],
      'with a note beside it': ({ keys }) => [Object.assign({ note: '' }, keys.published)],
    };
    it.each(Object.entries(keyNotTaken))('take no key %s', async (_, keys) => {
      expect(kinds(await verified(await ledgerWith(keys)))).toEqual(['key_invalid', 'checkpoint_signature']);
    });

    const keyNotFit: Record<string, (ledger: AuditedLedger) => readonly SigningKey[]> = {
      'for another purpose': (ledger) => [signed(ledger, { purpose: 'warrant' })],
      'for another purpose first': (ledger) => [signed(ledger, { purpose: 'warrant' }), ledger.keys.published],
      'that has ended': (ledger) => [signed(ledger, { notAfter: '2026-11-24T10:00:00.000Z' })],
      'that is not valid yet': (ledger) => [signed(ledger, { notBefore: '2026-11-24T10:00:00.001Z' })],
      'that was ended, whatever was published after that': (ledger) => [
        ...[ledger.keys.published, signed(ledger, { notAfter: '2026-03-01T00:00:00.000Z' }), ledger.keys.published],
      ],
      'that was not published': () => [],
    };
    it.each(Object.entries(keyNotFit))('take no checkpoint by a key %s', async (_, keys) => {
      const report = await verified(await ledgerWith(keys));
      expect(report).toMatchObject({ verified: false, chains: 'ok', lastCheckpoint: null });
      expect(kinds(report)).toEqual(['checkpoint_signature']);
    });

    it('take no checkpoint that another key has signed in the name of one', async () => {
      const ledger = await ledgerWith(({ keys }) => [keys.published]);
      await ledger.checkpoint({}, { keyId: ledger.keys.keyId, privateKey: otherRoot });
      const report = await verified(ledger);
      expect(kinds(report)).toEqual(['checkpoint_signature']);
      expect(report.lastCheckpoint).toMatchObject({ sequence: 1 });
    });

    const wrong: Record<string, readonly [change: Partial<CheckpointClaims>, kind: string]> = {
      'has another number': [{ sequence: 3 }, 'checkpoint_chain'],
      'names another one as the one before it': [{ previous: EMPTY_ROOT }, 'checkpoint_chain'],
      'names none as the one before it': [{ previous: null }, 'checkpoint_chain'],
      'covers fewer events than the one before it': [{ size: 1 }, 'checkpoint_size'],
      'covers itself': [{ size: 4 }, 'checkpoint_size'],
      'has another root': [{ root: EMPTY_ROOT }, 'checkpoint_root'],
      'ends with another event': [{ upTo: { tx: '1', position: '1' } }, 'checkpoint_root'],
      'ends nowhere': [{ upTo: null }, 'checkpoint_root'],
      'is signed at no time': [{ signedAt: 'yesterday' }, 'checkpoint_invalid'],
    };
    it.each(Object.entries(wrong))('take no checkpoint that %s, though it is signed', async (_, [change, kind]) => {
      const ledger = await ledgerWith(({ keys }) => [keys.published]);
      await ledger.checkpoint(change);
      const report = await verified(ledger);
      expect(report.verified).toBe(false);
      expect(kinds(report)).toEqual([kind]);
      expect(report.lastCheckpoint).toMatchObject({ sequence: 1 });
    });
  },
);
