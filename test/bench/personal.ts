import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { newId, type JsonObject } from '../../libs/kernel';
import { KeyRing, PersonalData } from '../../libs/personal-data';
import { benchResult, median, numberArgument, printReport, runBench } from './report';
import { inRounds } from './rounds';

/**
 * Sealing and opening the personal fields of an enriched alert, each under a key that was not used before, against the bare
 * AES-256-GCM of the same bytes under one key: in alerts for each second of processor time.
 */
const ROUNDS = 6;

const text = 'Suspicious logon of j.doe@example.org from 203.0.113.66 to FILE-SERVER-7. '.repeat(20);

function alert() {
  const alertId = newId();
  const observables = Array.from({ length: 8 }, (_, index) => ({
    ...{ type_id: 2, type: 'ip', value: `203.0.113.${index}`, name: `evidences[${index}].src_endpoint.ip` },
    ...{ verdict: 'unknown', score: 0, lists: [] },
  }));
  const finding = {
    ...{ activity_id: 1, category_uid: 2, class_uid: 2004, type_uid: 200401, time: 1_795_528_800_000, severity_id: 4 },
    metadata: { version: '1.8.0', product: { name: 'EDR' } },
    finding_info: { uid: alertId, title: 'Suspicious logon' },
    evidences: [{ actor: { user: { name: 'j.doe' } }, data: text.slice(0, 500) }],
  };
  const original = { encoding: 'utf-8', body: text, size: text.length };
  const data: JsonObject = { alertId, receiptId: newId(), finding, observables, original };
  const actor = { kind: 'source', id: 'siem' } as const;
  const envelope = { topic: 'countersign.alerts.enriched', key: alertId, type: 'AlertEnriched', schemaVersion: 1 };
  return { ...envelope, tenant: 'default', actor, data };
}
type Alert = ReturnType<typeof alert>;

function bareSeal(key: Buffer, plain: string): { nonce: Buffer; sealed: Buffer; tag: Buffer } {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  return { nonce, sealed: Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]), tag: cipher.getAuthTag() };
}

function bareOpen(key: Buffer, { nonce, sealed, tag }: ReturnType<typeof bareSeal>): string {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAuthTag(tag);
  return decipher.update(sealed, undefined, 'utf8') + decipher.final('utf8');
}

async function main(args: readonly string[]): Promise<void> {
  const count = numberArgument(args, 'alerts', 20_000);
  const perSecond = async (work: () => unknown): Promise<number> => {
    const start = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(start);
    return Promise.resolve((count * 1_000_000) / (user + system));
  };
  const key = randomBytes(32);
  const plain = JSON.stringify([text, alert().data['finding'], alert().data['observables']]);
  const bare = Array.from({ length: count }, () => bareSeal(key, plain));
  // Each round has alerts and rings of its own: no key is derived before it is measured.
  const prepared = (): { personal: PersonalData; alerts: Alert[] } => {
    const ring = KeyRing.create();
    return { personal: new PersonalData(() => ring), alerts: Array.from({ length: count }, alert) };
  };
  const seal = await inRounds('seal', ROUNDS, [
    {
      name: 'ours',
      run: () => {
        const { personal, alerts } = prepared();
        return perSecond(() => alerts.map((one) => personal.sealMessage(one)));
      },
    },
    { name: 'aes-gcm', run: () => perSecond(() => Array.from({ length: count }, () => bareSeal(key, plain))) },
  ]);
  const open = await inRounds('open', ROUNDS, [
    {
      name: 'ours',
      run: () => {
        const ring = KeyRing.create();
        const sealed = prepared().alerts.map((one) => new PersonalData(() => ring).sealMessage(one));
        const elsewhere = KeyRing.parse(JSON.stringify(ring));
        const personal = new PersonalData(() => elsewhere);
        return perSecond(() => sealed.map((one) => personal.openMessage(one)));
      },
    },
    { name: 'aes-gcm', run: () => perSecond(() => bare.map((one) => JSON.parse(bareOpen(key, one)) as unknown)) },
  ]);
  const value = (measured: ReadonlyMap<string, readonly number[]>, name: string) => median(measured.get(name) ?? []);
  const result = (name: string, measured: ReadonlyMap<string, readonly number[]>) =>
    benchResult(name, 'alerts/s', value(measured, 'ours'), { 'aes-gcm': value(measured, 'aes-gcm') });
  printReport('personal', [result('seal', seal), result('open', open)], args);
}

runBench(main);
