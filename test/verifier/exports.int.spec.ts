import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { exportText } from '#libs/audit';
import { createMemoryEventStore, type EventStore, NO_STREAM, type RecordedEvent } from '#libs/event-store';
import { isStorableText, type JsonObject, newId } from '#libs/kernel';
import { repositoryRoot } from '#libs/local';
import { usePython } from '#libs/testing';
import { useLedgerService } from '../../services/ledger/src/ledger-service.fixture';
import { countersign } from './cli-from-source';
import { kinds, useTwoVerifiers, VERIFY_LEDGER } from './two-verifiers';

const python = usePython();

/** What a verifier in another language easily reads, sorts or writes otherwise than ECMAScript does. */
const UNUSUAL: JsonObject = {
  numbers: [1e21, 1e-7, 0.1, -0, 1e20, 123456789012345680000, 9007199254740993, 2 ** 53, -1.5e-10, 5e-324],
  extremes: [Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 1e-6, 1.5e-6, 1e23, 333333333.3333333, 100, 0.002],
  // U+FB33 stands after an emoji by UTF-16 code units, and before it by code points.
  '\u{1f600}': 'beyond the BMP',
  '\ufb33': 'within',
  '\r': 'carriage return',
  '1': 'a number as a key',
  '': 'no key',
  ['__proto__']: 'a key as any other',
  escapes: '"\\\b\f\n\r\t\u0001\u001f\u007f\u0080/<>&',
  'line ends': 'a\u2028b\u2029c\u0085d',
  'escaped NUL': '\\u0000 and \\ud800, six characters each',
  'combined and not': ['\u00e9', 'e\u0301', '\u{10ffff}', '\ufeff'],
  nested: {
    list: [[], {}, [null, true, false, [1, { a: [{}] }]]],
    '\u{1f468}\u200d\u{1f469}': { '\u00f6': { o: '\u{1d11e}' } },
  },
};

function deep(levels: number): JsonObject {
  let value: JsonObject = {};
  for (let level = 1; level < levels; level += 1) value = { d: value };
  return value;
}

const storable = fc.string({ unit: 'binary', maxLength: 8 }).filter(isStorableText);
const unusual = fc.dictionary(
  storable,
  fc.oneof(storable, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger(), fc.constant(null)),
  { maxKeys: 12 },
);

async function append(store: EventStore, stream: string, data: JsonObject): Promise<void> {
  const head = (await store.heads('case', [stream])).get(stream) ?? NO_STREAM;
  const event = {
    id: newId(),
    type: 'CaseNoteAdded',
    schemaVersion: 1,
    time: new Date().toISOString(),
    actor: { kind: 'agent', id: 'agent \u{1f916}', behalfOf: 'zo\u00eb' } as const,
    data,
    meta: { correlationId: 'c \u2028', causationId: '\u{1f4a5}' },
  };
  await store.append([{ category: 'case', stream, tenant: 'default', expected: head, events: [event] }]);
}

async function streamExport(events: readonly RecordedEvent[], stream: string): Promise<string> {
  async function* pages() {
    yield events;
  }
  let text = '';
  for await (const piece of exportText(pages(), { tenant: 'default', stream, exportedAt: new Date() })) text += piece;
  return text;
}

python.describe('two verifiers, one of them written from docs/ledger-format.md alone,', () => {
  const { keyFiles, cases, sign, note, download } = useLedgerService();
  let folder: string;
  const verify = useTwoVerifiers({ python, rootKeyFile: () => keyFiles.rootPublicKeyFile, folder: () => folder });
  let first: CheckpointSigned;
  let witness: CheckpointSigned;
  let text: string;
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-verifier-'));
    await note('case-a', 'one');
    first = await sign();
    for (const data of [UNUSUAL, deep(500), ...fc.sample(unusual, { numRuns: 50, seed: 20261124 })]) {
      await append(cases(), 'case-unusual', data);
    }
    await note('case-b', 'two', 'other');
    witness = await sign();
    text = await (await download('/v1/audit/export')).text();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('agree on an honest export of unusual data', async () => {
    expect(text).toContain('"__proto__":"a key as any other"');
    expect(await verify(text, { witness })).toMatchObject({ verified: true, witness: 'agrees', leaves: 1 });
  });

  it('agree on one stream of it', async () => {
    const one = await (await download('/v1/audit/export?stream=case-unusual')).text();
    expect(await verify(one)).toMatchObject({ verified: true, events: 52, coveredEvents: 0 });
    expect(kinds(await verify(one, { witness }))).toEqual(['witness_missing']);
  });

  it('agree on the digits of any number', async () => {
    const store = createMemoryEventStore();
    const any = fc.double({ noNaN: true, noDefaultInfinity: true });
    const short = fc.tuple(fc.integer({ min: -999_999, max: 999_999 }), fc.integer({ min: -30, max: 30 }));
    const numbers = [
      ...fc.sample(any, { numRuns: 5_000, seed: 7 }),
      ...fc.sample(short, { numRuns: 5_000, seed: 7 }).map(([digits, exponent]) => Number(`${digits}e${exponent}`)),
    ];
    await append(store, 'case-numbers', { numbers });
    const one = await streamExport(await store.readStream('case', 'case-numbers'), 'case-numbers');
    expect(await verify(one)).toMatchObject({ verified: true, events: 1 });
  });

  it('agree with the example in the document', async () => {
    const page = readFileSync(join(repositoryRoot, 'docs', 'ledger-format.md'), 'utf8');
    const [, hashed = '', hash = ''] = /^(\{"actor":.*\})$[^]*?has the hash `([0-9a-f]{64})`/m.exec(page) ?? [];
    const { previousHash, ...event } = JSON.parse(hashed);
    expect(previousHash).toBe('');
    const example: RecordedEvent = { ...event, hash, tx: '745', position: '1' };
    expect(await verify(await streamExport([example], example.stream))).toMatchObject({ verified: true });
    const changed = { ...example, data: { ...example.data, text: 'Seen' } };
    expect(kinds(await verify(await streamExport([changed], example.stream)))).toEqual(['hash_mismatch']);
  });

  describe('find who edits the export itself and', () => {
    const lines = () => text.split('\n').slice(0, -1);
    const edited = (edit: (lines: string[]) => string[] | void) => {
      const copy = lines();
      return verify(`${(edit(copy) ?? copy).join('\n')}\n`, { witness });
    };
    const noteLine = (from: readonly string[]) => from.findIndex((line) => line.includes('"text":"one"'));
    const replaced = (what: string, by: string) => (from: string[]) => {
      expect(from[noteLine(from)]).toContain(what);
      from[noteLine(from)] = (from[noteLine(from)] ?? '').replace(what, by);
    };

    const edits: Record<string, readonly [edit: (lines: string[]) => string[] | void, kind: string]> = {
      'changes a text': [replaced('"one"', '"two"'), 'hash_mismatch'],
      'adds a field': [replaced('"tx"', '"note":"","tx"'), 'unreadable_line'],
      'names a key twice': [replaced('"text"', '"text":"denied","text"'), 'unreadable_line'],
      'writes a number that no double holds': [replaced('"version":1', '"version":1e999'), 'unreadable_line'],
      'writes an infinite number': [replaced('"text"', '"number":1e999,"text"'), 'hash_mismatch'],
      'writes a lone surrogate': [replaced('"one"', '"\\ud800"'), 'hash_mismatch'],
      'breaks a line': [replaced('{', ''), 'unreadable_line'],
      'removes a line': [(from) => from.filter((_, index) => index !== noteLine(from)), 'tail_missing'],
      'repeats a line': [
        (from) => from.flatMap((line, at) => (at === noteLine(from) ? [line, line] : [line])),
        'out_of_order',
      ],
      'breaks the transfer off': [(from) => from.slice(0, -5), 'tail_missing'],
      'writes after the end': [(from) => [...from, from[2] ?? ''], 'unreadable_line'],
      'calls it a stream': [
        (from) => from.map((line) => line.replace('"scope":"ledger"', '"scope":"stream"')),
        'unreadable_line',
      ],
    };
    it.each(Object.entries(edits))('%s', async (_, [edit, kind]) => {
      const report = await edited(edit);
      expect(report.verified).toBe(false);
      expect(kinds(report)).toContain(kind);
    });

    it('writes bytes that are no text', async () => {
      const bytes = Buffer.from(text);
      bytes[bytes.indexOf('"one"') + 1] = 0xff;
      expect(kinds(await verify(bytes))).toContain('unreadable_line');
    });
  });

  it('say what to do about wrong usage, and end with 2', async () => {
    const key = ['--root-key', keyFiles.rootPublicKeyFile];
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' });
    const exported = file('export.ndjson', text);
    for (const args of [
      [exported],
      [join(folder, 'nowhere'), ...key],
      [exported, ...key, '--witness', join(folder, 'nowhere')],
      [exported, ...key, '--witness', file('no-witness.json', '{"sequence":1}')],
    ]) {
      expect([args, (await python.run(VERIFY_LEDGER, args)).code]).toEqual([args, 2]);
      expect([args, (await countersign(['audit', 'verify', ...args])).code]).toEqual([args, 2]);
    }
    const wrongKey = ['--root-key', file('p256.pem', String(other))];
    expect(await python.run(VERIFY_LEDGER, [exported, ...wrongKey])).toMatchObject({ code: 2, stdout: '' });
    for (const { code, stderr } of [
      await python.run(VERIFY_LEDGER, [file('empty', ''), ...key]),
      await countersign(['audit', 'verify', file('empty', ''), ...key]),
    ]) {
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('line 1') });
    }
  });

  it('are both commands', async () => {
    const args = [
      ...[file('export.ndjson', text), '--root-key', keyFiles.rootPublicKeyFile],
      // As a witness keeps them: a line each, the last one cut off by a crash.
      ...['--witness', file('checkpoints.ndjson', `${JSON.stringify(first)}\n${JSON.stringify(witness)}\n{"seq`)],
    ];
    const summary = expect.stringMatching(
      /^Complete to checkpoint 2, signed at .*, and the witness \(checkpoint 2\) agrees; 1/,
    );
    expect(await python.run(VERIFY_LEDGER, args)).toEqual({ code: 0, stdout: summary, stderr: '' });
    expect(await countersign(['audit', 'verify', ...args])).toEqual({ code: 0, stdout: summary, stderr: '' });
    const single = await countersign(['audit', 'verify', ...args, '--single-tenant', '--json']);
    expect(single.code).toBe(1);
    expect(JSON.parse(single.stdout)).toMatchObject({ problems: [{ kind: 'hidden_event' }] });
  });
});
