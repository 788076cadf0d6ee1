import { Client } from 'pg';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { EMPTY_DATABASE, usePostgres } from '#libs/testing';
import { upsertRows } from './upsert-rows';

@Entity('measured')
class Measured {
  @PrimaryColumn('text')
  tenant!: string;

  @PrimaryColumn('uuid', { name: 'sensor_id' })
  sensorId!: string;

  @Column('integer')
  value!: number;

  @Column('text', { nullable: true })
  note!: string | null;

  @Column({ type: 'timestamptz', name: 'seen_at', precision: 3 })
  seenAt!: Date;

  @Column('jsonb')
  details!: unknown;

  @Column('boolean')
  loud!: boolean;
}

@Entity('tag')
class Tag {
  @PrimaryColumn('text')
  name!: string;
}

const postgres = usePostgres(EMPTY_DATABASE);

describe('upsertRows', () => {
  let database: DataSource;

  beforeAll(async () => {
    const client = new Client({ connectionString: postgres.ownerUrl });
    await client.connect();
    await client.query(`
      create schema svc_case;
      create table svc_case.measured (
        loud boolean not null, details jsonb not null, seen_at timestamptz(3) not null, note text,
        value integer not null, sensor_id uuid, tenant text, primary key (tenant, sensor_id));
      create table svc_case.tag (name text primary key)`);
    await client.end();
    const options = { type: 'postgres', url: postgres.ownerUrl, schema: 'svc_case' } as const;
    database = await new DataSource({ ...options, entities: [Measured, Tag] }).initialize();
  });
  afterAll(() => database.destroy());

  const upsert = (...rows: Measured[]) => upsertRows(database.manager, Measured, rows);
  const stored = () => database.getRepository(Measured).find({ order: { tenant: 'ASC', sensorId: 'ASC' } });
  const row = (tenant: string, more: Partial<Measured> = {}): Measured => ({
    tenant,
    sensorId: '01a20ea0-0000-7000-8000-000000000001',
    value: 1,
    note: null,
    seenAt: new Date('2026-11-24T09:30:00.123Z'),
    details: {},
    loud: false,
    ...more,
  });

  it('stores every value as it is given, whatever text it holds', async () => {
    const rows = [
      row('a', { details: { 'a"b': ['{', '}', ',', '\\', 'NULL', null, 1.5] }, note: '' }),
      row('b', { details: [], note: 'NULL', seenAt: new Date('1969-12-31T23:59:59.999Z') }),
      row('c', { details: 'text', note: '{"a,b\\"}\n\t’é😀', loud: true, value: -2_147_483_648 }),
      row('d', { details: 0 }),
    ];
    await upsert(...rows);
    expect(await stored()).toEqual(rows.map((given) => Object.assign(new Measured(), given)));
  });

  it('puts a row in the place of that with its key, and leaves the others', async () => {
    await database.getRepository(Measured).clear();
    await upsert(row('a'), row('b', { note: 'before', value: 7 }));
    await upsert(row('b', { value: 8 }), row('c'));
    expect((await stored()).map(({ tenant, value, note }) => [tenant, value, note])).toEqual([
      ['a', 1, null],
      ['b', 8, null],
      ['c', 1, null],
    ]);
  });

  it('takes no rows, many rows, and rows that are nothing but a key', async () => {
    await upsert();
    const names = Array.from({ length: 5_000 }, (_, index) => ({ name: `tag ${index}` }));
    await upsertRows(database.manager, Tag, names);
    await upsertRows(database.manager, Tag, names);
    expect(await database.getRepository(Tag).count()).toBe(names.length);
  });
});
