import { useMigratedPostgres } from '#libs/testing';
import { message } from './conformance/bus-fixture';
import { DeadLetterOffice, type Death } from './dead-letter-office';
import { DeadLetters } from './dead-letters';

const postgres = useMigratedPostgres();
const scope = { tenant: 'default' };

const death = (name: string, changed: Partial<Death> = {}): Death => ({
  topic: 'countersign.alerts',
  key: name,
  messageId: name,
  tenant: 'default',
  code: 'invalid_field',
  reason: 'is missing',
  field: 'data.severity',
  attempts: 1,
  message: message(name, { id: name }),
  ...changed,
});

describe('dead letters', () => {
  let office: DeadLetterOffice;
  let letters: DeadLetters;
  const die = (...deaths: Death[]) => office.record(postgres.pool('case'), deaths);
  const ids = async () => (await letters.list({ ...scope, limit: 100 })).items.map(({ id }) => id);

  beforeEach(async () => {
    await postgres.ownerPool().query('truncate bus.dead_letter, bus.parked');
    office = new DeadLetterOffice(postgres.pool('case'), 'countersign.case');
    letters = new DeadLetters(postgres.pool('ledger'));
  });

  it('are listed a page at a time, the latest first, by what the operator asks for', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await die(death(name));
    await die(death('other', { topic: 'countersign.case' }), death('foreign', { tenant: 'acme' }));
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await letters.list({ ...scope, topic: 'countersign.alerts', cursor, limit: 2 });
      names.push(...page.items.map(({ key }) => key));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(names).toEqual(['e', 'd', 'c', 'b', 'a']);
    expect((await letters.list({ ...scope, group: 'countersign.approval', limit: 9 })).items).toEqual([]);
    await expect(letters.list({ ...scope, cursor: 'nonsense', limit: 9 })).rejects.toMatchObject({
      code: 'invalid_cursor',
    });
  });

  it('show the whole message and why it died', async () => {
    await die(death('a', { reason: 'holds \0' }));
    const [id = ''] = await ids();
    const letter = await letters.show(id, scope);
    expect(letter).toMatchObject({
      group: 'countersign.case',
      code: 'invalid_field',
      reason: 'holds \\u0000',
      field: 'data.severity',
      status: 'open',
      message: { id: 'a', data: { name: 'a' } },
    });
    expect(letter.diedAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('of another tenant, or that belong to nobody, are not found', async () => {
    await die(death('a', { tenant: 'acme' }), death('b', { tenant: '' }));
    expect(await ids()).toEqual([]);
    const all = { ...scope, unattributed: true };
    const { items } = await letters.list({ ...all, limit: 9 });
    expect(items.map(({ key }) => key)).toEqual(['b']);
    const id = items[0]?.id ?? '';
    for (const unknown of [id, 'nonsense']) {
      await expect(letters.show(unknown, scope)).rejects.toMatchObject({ code: 'not_found' });
      await expect(letters.drop(unknown, scope, 'op')).rejects.toMatchObject({ code: 'not_found' });
    }
    expect((await letters.drop(id, all, 'op')).status).toBe('dropped');
  });

  it('that are dropped stay dropped when the message comes again; one that was retried is open again', async () => {
    await die(death('a'), death('b'));
    const { items } = await letters.list({ ...scope, limit: 9 });
    const idOf = (key: string) => items.find((letter) => letter.key === key)?.id ?? '';
    await letters.drop(idOf('a'), scope, 'op');
    const retried = await letters.retry(idOf('b'), scope, 'op');
    expect(retried).toMatchObject({ status: 'retried', decidedBy: 'op' });
    await die(death('a'), death('b', { reason: 'still missing' }));
    expect((await letters.show(idOf('a'), scope)).status).toBe('dropped');
    expect(await letters.show(idOf('b'), scope)).toMatchObject({ status: 'open', reason: 'still missing' });
  });

  it('are retried once, whoever else tries', async () => {
    await die(death('a'));
    const [id = ''] = await ids();
    const results = await Promise.allSettled([1, 2, 3].map(() => letters.retry(id, scope, 'op')));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await postgres.ownerPool().query('select from bus.parked')).rowCount).toBe(1);
  });
});
