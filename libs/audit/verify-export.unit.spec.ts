import { generateKeyPairSync, createPublicKey } from 'node:crypto';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import type { AuditReport } from '#contracts/audit';
import { canonicalJson, EMPTY_ROOT, eventHash, type RecordedEvent } from '#libs/event-store';
import { AuditedLedger, exportLines, readable } from './audited-ledger.fixture';
import { signCheckpoint } from './checkpoint';
import { verifyExport } from './verify-export';

let ledger: AuditedLedger;
let events: RecordedEvent[];

/** keys, a1, b1, [checkpoint 1 over 3], a2, b2, a3, [checkpoint 2 over 7] */
beforeEach(async () => {
  ledger = new AuditedLedger();
  await ledger.publishKey();
  await ledger.note('case-a', 'one');
  await ledger.note('case-b', 'two', 'other');
  await ledger.checkpoint();
  await ledger.note('case-a', 'three');
  await ledger.note('case-b', 'four', 'other');
  await ledger.note('case-a', 'five');
  await ledger.checkpoint();
  events = structuredClone([...(await ledger.events())]);
});

async function verify(
  changed: readonly RecordedEvent[] = events,
  options: {
    tenant?: string;
    witness?: AuditedLedger['checkpoints'][number];
    singleTenant?: boolean;
    rootPublicKey?: AuditedLedger['rootPublicKey'];
  } = {},
): Promise<AuditReport> {
  const { tenant, rootPublicKey = ledger.rootPublicKey, ...more } = options;
  return verifyExport(readable(await exportLines(changed, tenant)), { rootPublicKey, ...more });
}
const kinds = ({ chains, problems }: AuditReport): string[] => [
  ...(chains === 'ok' ? [] : chains.map(({ kind }) => kind)),
  ...problems.map(({ kind }) => kind),
];
function at(index: number): RecordedEvent {
  const event = events[index];
  if (!event) throw new Error(`there is no event ${index}`);
  return event;
}
/** What somebody does who knows the hash's definition, and holds no key: the chain of one stream, written anew. */
function rewriteChain(stream: string, change: (event: RecordedEvent) => RecordedEvent): RecordedEvent[] {
  let previous = '';
  return events.map((event) => {
    if (event.stream !== stream) return event;
    const changed = change(event);
    previous = eventHash(changed, previous);
    return { ...changed, hash: previous };
  });
}

describe('an export', () => {
  it('is verified by nothing but the root key', async () => {
    expect(await verify()).toMatchObject({
      verified: true,
      chains: 'ok',
      problems: [],
      events: 6,
      leaves: 2,
      checkpoints: 2,
      coveredEvents: 7,
      uncoveredEvents: 0,
      summary:
        'Complete to checkpoint 2, signed at 2026-11-24T10:00:00.000Z; 2 events of other tenants known by the hash alone.',
    });
  });

  it("shows nothing of another tenant's events, and is verified all the same", async () => {
    const lines = await exportLines(events, 'other');
    expect(lines.join('\n')).not.toContain('"one"');
    expect(await verify(events, { tenant: 'other' })).toMatchObject({ verified: true, events: 5, leaves: 3 });
  });

  it('says how much is in no checkpoint yet', async () => {
    await ledger.note('case-a', 'six');
    const report = await verify(await ledger.events());
    expect(report).toMatchObject({ verified: false, problemCount: 0, coveredEvents: 7, uncoveredEvents: 1 });
    expect(report.summary).toMatch(/^Complete to checkpoint 2, .*; 1 event after it in no checkpoint yet;/);
  });

  it('counts what was recorded while a checkpoint was signed as not covered', async () => {
    const late = new AuditedLedger();
    await late.publishKey();
    const early = await late.checkpoint();
    await late.note('case-a', 'one');
    const all = await late.events();
    // The checkpoint's own event comes last, and covers only the key.
    const [key, checkpoint, note] = all;
    if (!key || !checkpoint || !note) throw new Error('an event is missing');
    const reordered = [
      key,
      { ...note, tx: checkpoint.tx, position: checkpoint.position },
      { ...checkpoint, tx: note.tx, position: note.position },
    ];
    const report = await verifyExport(readable(await exportLines(reordered)), { rootPublicKey: late.rootPublicKey });
    expect(report).toMatchObject({ verified: false, problemCount: 0, coveredEvents: early.size, uncoveredEvents: 1 });
  });

  it('may hold what some take for the end of a line', async () => {
    await ledger.note('case-a', 'six \u2028 \u2029 \u0085 \r\n seven');
    await ledger.checkpoint();
    expect(await verify(await ledger.events())).toMatchObject({ verified: true, problemCount: 0 });
  });

  it('is written in canonical form, which is the fastest to verify', async () => {
    const lines = (await exportLines(events)).filter((line) => JSON.parse(line).kind === 'event');
    expect(lines).toHaveLength(6);
    for (const line of lines) expect(line).toBe(canonicalJson(JSON.parse(line)));
  });

  it('comes to the same report however its lines are written, canonical or not', async () => {
    const lines = await exportLines(events);
    const strict = await verifyExport(readable(lines), { ...ledger, strict: true });
    const detours = lines.map((line) => line.replaceAll('":', '": ').replace('"three"', '"thre\\u0065"'));
    const reversed = lines.map((line) =>
      JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line)).reverse())),
    );
    for (const written of [lines, detours, reversed]) {
      expect(await verifyExport(readable(written), ledger)).toEqual(strict);
    }
  });

  it('arrives in pieces of any length', async () => {
    const bytes = Buffer.from(`${(await exportLines(events)).join('\n')}\n`);
    for (const length of [1, 7, 4096]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / length) }, (_, at) =>
        bytes.subarray(at * length, (at + 1) * length),
      );
      expect(await verifyExport(Readable.from(pieces), ledger)).toMatchObject({ verified: true });
    }
  });

  it('of one stream holds that stream alone', async () => {
    const header = (lines: readonly string[], stream: string) =>
      JSON.stringify({ ...JSON.parse(lines[0] ?? ''), scope: 'stream', stream });
    const lines = await exportLines(events.filter(({ stream }) => stream === 'case-a'));
    const one = [header(lines, 'case-a'), ...lines.slice(1)];
    expect(await verifyExport(readable(one), ledger)).toMatchObject({ verified: true, coveredEvents: 0 });
    const { rootPublicKey, checkpoints } = ledger;
    const witnessed = await verifyExport(readable(one), { rootPublicKey, witness: checkpoints[0] });
    expect(kinds(witnessed)).toEqual(['witness_missing']);
    const all = await exportLines(events);
    const masked = await verifyExport(readable([header(all, 'case-a'), ...all.slice(1)]), ledger);
    expect(kinds(masked)).toEqual(expect.arrayContaining(['unreadable_line']));
  });

  it('is refused when it is none', async () => {
    await expect(verifyExport(readable(['{}']), ledger)).rejects.toMatchObject({ code: 'invalid_field' });
    await expect(verifyExport(readable([]), ledger)).rejects.toMatchObject({ code: 'invalid_field' });
  });
});

describe('whoever changes an export is found who', () => {
  it('edits an event', async () => {
    events[1] = { ...at(1), data: { ...at(1).data, text: 'nothing' } };
    expect(kinds(await verify())).toContain('hash_mismatch');
  });

  it('edits its actor, time or tenant', async () => {
    for (const change of [
      { actor: { kind: 'human', id: 'eve' } as const },
      { time: '2026-11-24T09:00:00.000Z' },
      { id: at(2).id },
    ]) {
      const [first, ...rest] = [at(0), { ...at(1), ...change }, ...events.slice(2)];
      expect(kinds(await verify([first, ...rest]))).toContain('hash_mismatch');
    }
  });

  it('edits an event and computes its chain anew', async () => {
    const changed = rewriteChain('case-a', (event) =>
      event.version === 1 ? { ...event, data: { ...event.data, text: 'nothing' } } : event,
    );
    expect(kinds(await verify(changed))).toEqual(expect.arrayContaining(['checkpoint_root']));
  });

  it('removes an event', async () => {
    expect(kinds(await verify(events.filter((_, index) => index !== 1)))).toContain('missing_versions');
  });

  it('removes a whole stream', async () => {
    const report = await verify(events.filter(({ stream }) => stream !== 'case-a'));
    expect(report.verified).toBe(false);
    expect(kinds(report)).toContain('checkpoint_size');
  });

  it('removes the last event of a stream', async () => {
    expect(kinds(await verify(events.filter(({ data }) => data['text'] !== 'five')))).toContain('checkpoint_size');
  });

  it('inserts an event', async () => {
    const copy = { ...at(1), stream: 'case-c', position: '4', tx: at(3).tx };
    const inserted = [...events.slice(0, 3), { ...copy, hash: eventHash(copy, '') }, ...events.slice(3)];
    expect((await verify(inserted)).verified).toBe(false);
  });

  it('changes the order of two events', async () => {
    const swapped = [...events];
    [swapped[1], swapped[2]] = [at(2), at(1)];
    expect(kinds(await verify(swapped))).toContain('out_of_order');
    const renumbered = [...events];
    renumbered[1] = { ...at(2), tx: at(1).tx, position: at(1).position };
    renumbered[2] = { ...at(1), tx: at(2).tx, position: at(2).position };
    expect(kinds(await verify(renumbered))).toContain('checkpoint_root');
  });

  it('cuts the end off, which takes a witness', async () => {
    const cut = events.slice(0, 4);
    expect(await verify(cut)).toMatchObject({ verified: true, summary: expect.stringContaining('checkpoint 1') });
    const report = await verify(cut, { witness: ledger.checkpoints[1] });
    expect(report).toMatchObject({ verified: false, witness: 'contradicts' });
    expect(kinds(report)).toEqual(['witness_size']);
    expect(await verify(events, { witness: ledger.checkpoints[0] })).toMatchObject({
      verified: true,
      witness: 'agrees',
    });
  });

  it('removes a checkpoint with all that comes after it, which takes a witness', async () => {
    const [first, second] = ledger.checkpoints;
    const cut = events.slice(0, -1);
    expect(await verify(cut, { witness: first })).toMatchObject({ witness: 'agrees' });
    const report = await verify(cut, { witness: second });
    expect(report).toMatchObject({ verified: false, witness: 'contradicts' });
    expect(kinds(report)).toEqual(['witness_missing']);
  });

  it('writes the whole ledger anew with the key for checkpoints, which takes a witness', async () => {
    const other = new AuditedLedger(ledger.root, ledger.keys);
    await other.publishKey();
    await other.note('case-a', 'nothing');
    await other.note('case-b', 'two', 'other');
    await other.checkpoint();
    const all = await other.events();
    expect(await verify(all)).toMatchObject({ verified: true, problemCount: 0 });
    expect(kinds(await verify(all, { witness: ledger.checkpoints[0] }))).toEqual(['witness_root']);
  });

  it('shows an event by its hash alone, which takes to know that there is one tenant', async () => {
    const moved = events.map((event) => (event.data['text'] === 'five' ? { ...event, tenant: 'nobody' } : event));
    expect(await verify(moved)).toMatchObject({ verified: true, leaves: 3 });
    const report = await verify(moved, { singleTenant: true });
    expect(kinds(report)).toEqual(['hidden_event', 'hidden_event', 'hidden_event']);
  });

  it('forges a checkpoint, or the key for one', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const [, second] = ledger.checkpoints;
    if (!second) throw new Error('there is no second checkpoint');
    const { keyId, signature: _, ...claims } = second;
    const forged = signCheckpoint({ ...claims, root: EMPTY_ROOT }, { keyId, privateKey });
    const changed = rewriteChain('checkpoint-log', (event) =>
      event.version === 2 ? { ...event, data: { ...forged } } : event,
    );
    expect(kinds(await verify(changed))).toContain('checkpoint_signature');
    const other = createPublicKey(privateKey);
    expect(kinds(await verify(events, { rootPublicKey: other }))).toContain('key_invalid');
  });

  it('removes a checkpoint', async () => {
    const without = rewriteChain('checkpoint-log', (event) => event).filter(
      ({ stream, version }) => stream !== 'checkpoint-log' || version !== 1,
    );
    expect((await verify(without)).verified).toBe(false);
  });

  it('puts something into it that no hash covers', async () => {
    const lines = await exportLines(events);
    lines[2] = JSON.stringify({ ...JSON.parse(lines[2] ?? ''), note: 'approved by the CISO' });
    const report = await verifyExport(readable(lines), ledger);
    expect(kinds(report)).toContain('unreadable_line');
  });

  it('changes any byte of what a checkpoint covers', async () => {
    const text = Buffer.from(`${(await exportLines(events)).join('\n')}\n`);
    const covered = text.subarray(text.indexOf('\n') + 1, text.lastIndexOf('{"actor":'));
    await fc.assert(
      fc.asyncProperty(fc.nat(covered.length - 1), fc.integer({ min: 1, max: 255 }), async (at, difference) => {
        const before = covered.readUInt8(at);
        covered.writeUInt8(before ^ difference, at);
        const report = await verifyExport(Readable.from([text]), ledger);
        const strict = await verifyExport(Readable.from([text]), { ...ledger, strict: true });
        covered.writeUInt8(before, at);
        expect(report.problemCount).toBeGreaterThan(0);
        expect(report).toEqual(strict);
      }),
      { numRuns: 500 },
    );
  });

  it('writes beside what the hash covers', async () => {
    const lines = await exportLines(events);
    const [event, leaf, end] = [lines[2] ?? '', lines[3] ?? '', lines.at(-1) ?? ''];
    const note = (line: string) => line.replace(/}$/, ',"note":"approved by the CISO"}');
    for (const [line, changed] of [
      [event, event.replace('"data":{', '"data":{"text":"denied",')],
      [event, event.replace('"data":{', '"data":{"te\\u0078t":"denied",')],
      [event, event.replace('"tx":"', '"tx":"0')],
      [leaf, note(leaf)],
      [end, note(end)],
    ]) {
      const report = await verifyExport(
        readable(lines.map((each) => (each === line ? (changed ?? '') : each))),
        ledger,
      );
      expect(kinds(report)).toContain('unreadable_line');
    }
    const header = [note(lines[0] ?? ''), ...lines.slice(1)];
    await expect(verifyExport(readable(header), ledger)).rejects.toMatchObject({ code: 'invalid_field' });
  });

  it('writes bytes that are no text, which loses no other line', async () => {
    const bytes = Buffer.from(`${(await exportLines(events)).join('\n')}\n`);
    bytes[bytes.indexOf('three')] = 0xff;
    const report = await verifyExport(Readable.from([bytes]), ledger);
    expect(kinds(report)).toContain('unreadable_line');
    expect(report).toMatchObject({ events: 5, leaves: 2 });
  });

  it('writes a key, a checkpoint or a line that is none', async () => {
    for (const change of [
      (event: RecordedEvent) => (event.stream === 'checkpoint-keys' ? { ...event, data: {} } : event),
      (event: RecordedEvent) => (event.type === 'CheckpointSigned' ? { ...event, data: { sequence: 1 } } : event),
    ]) {
      expect((await verify(events.map(change))).verified).toBe(false);
    }
    const lines = await exportLines(events);
    lines[3] = '{broken';
    expect(kinds(await verifyExport(readable(lines), ledger))).toContain('unreadable_line');
  });

  it('breaks the transfer off', async () => {
    const lines = await exportLines(events);
    expect(kinds(await verifyExport(readable(lines.slice(0, -1)), ledger))).toContain('tail_missing');
    expect(kinds(await verifyExport(readable([...lines.slice(0, -2), lines.at(-1) ?? '']), ledger))).toContain(
      'tail_missing',
    );
  });
});
