import { Client } from 'pg';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import type { EventView } from '#contracts/http/case';
import type { AuditKeys } from '#contracts/http/ledger';
import type { ConsistencyProof, InclusionProof } from '#contracts/proof';
import { verifyProof } from '#libs/audit';
import { publicKeyOf } from '#libs/warrant';
import { useLedgerService } from './ledger-service.fixture';

const { postgres, get, note, sign, start, signAt } = useLedgerService();

let first: CheckpointSigned;
let last: CheckpointSigned;

/** More than two blocks of leaves, so that proofs take kept subtrees and computed ones. */
beforeAll(async () => {
  for (let index = 0; index < 300; index += 1) await note('case-a', `note ${index}`);
  first = await sign();
  for (let index = 0; index < 400; index += 1) await note(`case-${index % 7}`, `note ${index}`, 'other');
  await note('case-a', 'the last');
  last = await sign();
  await note('case-a', 'after the last checkpoint');
});

const rootPublicKey = async () => publicKeyOf((await get<AuditKeys>('/v1/audit/keys')).body.root.publicKey);
const events = async () => {
  const client = new Client({ connectionString: postgres.superuserUrl });
  await client.connect();
  const { rows } = await client.query<{ id: string; tenant: string; category: string }>(
    'select id, tenant, category from ledger.events order by tx, position',
  );
  await client.end();
  return rows;
};

describe('a proof that an event is in the ledger', () => {
  it('holds for every event that the tenant sees, at its place', async () => {
    const root = await rootPublicKey();
    const all = await events();
    for (const index of [0, 1, 2, 100, 255, 256, 257, 299, 701]) {
      const { body, status } = await get<InclusionProof>(`/v1/audit/proofs/events/${all[index]?.id}`);
      if (all[index]?.tenant === 'other') expect(status).toBe(404);
      else {
        expect(body).toMatchObject({ index, checkpoint: last });
        expect(verifyProof(body, { rootPublicKey: root })).toMatchObject({ verified: true, problems: [] });
      }
    }
  });

  it('can be by an earlier checkpoint, if that covers the event', async () => {
    const all = await events();
    const path = `/v1/audit/proofs/events/${all[50]?.id}?checkpoint=${first.sequence}`;
    const { body } = await get<InclusionProof>(path);
    expect(body.checkpoint).toEqual(first);
    const report = verifyProof(body, { rootPublicKey: await rootPublicKey(), witness: first });
    expect(report).toMatchObject({ verified: true });
    const late = all.findLast(({ tenant, category }) => tenant === 'default' && category === 'case');
    expect(await get(`/v1/audit/proofs/events/${late?.id}`)).toMatchObject({
      status: 409,
      body: { code: 'invalid_transition', field: 'checkpoint' },
    });
  });

  it('is not given for what is not there, nor of another tenant', async () => {
    const other = (await events()).find(({ tenant }) => tenant === 'other');
    for (const id of [other?.id, '00000000-0000-4000-8000-000000000000']) {
      expect(await get(`/v1/audit/proofs/events/${id}`)).toMatchObject({ status: 404, body: { field: 'event' } });
    }
    expect(await get('/v1/audit/proofs/events/nonsense')).toMatchObject({ status: 400, body: { field: 'event' } });
    const missing = `/v1/audit/proofs/events/${(await events())[0]?.id}?checkpoint=999`;
    expect(await get(missing)).toMatchObject({ status: 404, body: { field: 'checkpoint' } });
  });
});

describe('a proof that nothing was changed between two checkpoints', () => {
  it('holds', async () => {
    const path = `/v1/audit/proofs/consistency?from=${first.sequence}`;
    const { body } = await get<ConsistencyProof>(path);
    expect(body).toMatchObject({ from: first, to: last });
    expect(verifyProof(body, { rootPublicKey: await rootPublicKey() })).toMatchObject({ verified: true });
    expect(await get(`${path}&to=999`)).toMatchObject({ status: 404, body: { field: 'to' } });
    expect(await get(`/v1/audit/proofs/consistency?from=${last.sequence}&to=${first.sequence}`)).toMatchObject({
      status: 400,
      body: { field: 'from' },
    });
  });

  it('holds after the tree was dropped and built again', async () => {
    const client = new Client({ connectionString: postgres.superuserUrl });
    await client.connect();
    await client.query('delete from svc_ledger.tree_state; delete from svc_ledger.tree_node');
    await client.end();
    // The one that runs has the whole tree in hand, and none of its nodes is kept any more.
    await note('case-a', 'after the tree was dropped');
    await sign();
    const again = await start();
    await signAt(again);
    await again.stop();
    const { body } = await get<ConsistencyProof>(`/v1/audit/proofs/consistency?from=${first.sequence}`);
    expect(verifyProof(body, { rootPublicKey: await rootPublicKey() })).toMatchObject({ verified: true });
  });
});

it('shows the hash of the event as the ledger lists it', async () => {
  const { body: list } = await get<{ items: EventView[] }>('/v1/streams/case-a/events?limit=1');
  const { body } = await get<InclusionProof>(`/v1/audit/proofs/events/${list.items[0]?.id}`);
  expect(body.event).toEqual(list.items[0]);
});
