import { createHash, type Hash } from 'node:crypto';
import type { QueryRunner } from 'typeorm';
import type { TableShape } from './table-shape';

/** How the rows that stood there (`before`) differ from those that the ledger gives (`after`). */
export interface TableDifference {
  readonly table: string;
  readonly rows: { readonly before: number; readonly after: number };
  /** SHA-256 over the rows in the order of their keys: equal if and only if the rows are. */
  readonly digest: { readonly before: string; readonly after: string };
  readonly onlyBefore: number;
  readonly onlyAfter: number;
  readonly changed: number;
  /** The first of them. No contents: a key names nobody (invariant 9), a column may. */
  readonly examples: readonly RowDifference[];
}

export interface RowDifference {
  readonly kind: 'only before' | 'only after' | 'changed';
  /** By column of the primary key. */
  readonly key: Readonly<Record<string, string>>;
  /** Those that differ, of a changed row. */
  readonly columns?: readonly string[];
}

/** A table as one transaction sees it. */
export interface TableSide {
  readonly runner: QueryRunner;
  readonly schema: string;
}

interface KeyedDigest {
  /** The key as one text, in the order of which the rows come. */
  readonly key: string;
  readonly parts: readonly string[];
  readonly digest: string;
}

/** Rows fetched at once. */
const SLICE = 5_000;
const MAX_EXAMPLES = 10;

/**
 * Compares every row by its digest, in slices: memory stays flat, and nothing is locked. Both sides need an open
 * transaction with a snapshot of its own.
 */
export async function compareTables(
  table: string,
  shape: TableShape,
  before: TableSide,
  after: TableSide,
): Promise<TableDifference> {
  const counted = { before: new Side(), after: new Side() };
  const found: { kind: RowDifference['kind']; row: KeyedDigest }[] = [];
  const counts = { 'only before': 0, 'only after': 0, changed: 0 };
  const differs = (kind: RowDifference['kind'], row: KeyedDigest): void => {
    counts[kind] += 1;
    if (found.length < MAX_EXAMPLES) found.push({ kind, row });
  };
  const [old, made] = [rowsOf(before, table, shape), rowsOf(after, table, shape)];
  let [a, b] = [await nextOf(old), await nextOf(made)];
  while (a || b) {
    const order = !a ? 1 : !b ? -1 : compareKeys(a.key, b.key);
    if (a && b && order === 0 && a.digest !== b.digest) differs('changed', a);
    if (a && order < 0) differs('only before', a);
    if (b && order > 0) differs('only after', b);
    if (a && order <= 0) {
      counted.before.add(a);
      a = await nextOf(old);
    }
    if (b && order >= 0) {
      counted.after.add(b);
      b = await nextOf(made);
    }
  }
  const examples: RowDifference[] = [];
  for (const { kind, row } of found) {
    const key = Object.fromEntries(shape.key.map(({ name }, at) => [name, row.parts[at] ?? '']));
    const columns = kind === 'changed' ? { columns: await differingColumns(table, shape, row, before, after) } : {};
    examples.push({ kind, key, ...columns });
  }
  return {
    table,
    rows: { before: counted.before.rows, after: counted.after.rows },
    digest: { before: counted.before.digest(), after: counted.after.digest() },
    onlyBefore: counts['only before'],
    onlyAfter: counts['only after'],
    changed: counts.changed,
    examples,
  };
}

class Side {
  rows = 0;
  private readonly hash: Hash = createHash('sha256');

  add({ digest }: KeyedDigest): void {
    this.rows += 1;
    this.hash.update(digest);
  }

  digest(): string {
    return this.hash.digest('hex');
  }
}

async function* rowsOf(
  { runner, schema }: TableSide,
  table: string,
  { key, columns }: TableShape,
): AsyncGenerator<KeyedDigest, undefined> {
  const parts = `array[${key.map(({ name }) => `"${name}"::text`).join(', ')}]`;
  const row = `row(${columns.map(({ name }) => `"${name}"`).join(', ')})`;
  await runner.query(
    `declare rebuilt_rows no scroll cursor for
     select (${parts})::text collate "C" as key, ${parts} as parts,
            encode(sha256(convert_to(${row}::text, 'UTF8')), 'hex') as digest
     from "${schema}"."${table}" order by key`,
  );
  for (;;) {
    const slice: KeyedDigest[] = await runner.query(`fetch ${SLICE} from rebuilt_rows`);
    if (slice.length === 0) break;
    yield* slice;
  }
  await runner.query('close rebuilt_rows');
}

async function nextOf(rows: AsyncGenerator<KeyedDigest, undefined>): Promise<KeyedDigest | undefined> {
  return (await rows.next()).value;
}

/** The order that collation "C" gives: that of the bytes. */
function compareKeys(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

async function differingColumns(
  table: string,
  shape: TableShape,
  { parts }: KeyedDigest,
  ...sides: TableSide[]
): Promise<string[]> {
  const condition = shape.key.map(({ name, type }, at) => `"${name}" = $${at + 1}::text::${type}`).join(' and ');
  const [before = {}, after = {}] = await Promise.all(
    sides.map(async ({ runner, schema }) => {
      const sql = `select to_jsonb(found) as row from "${schema}"."${table}" as found where ${condition}`;
      const rows: { row: Record<string, unknown> }[] = await runner.query(sql, [...parts]);
      return rows[0]?.row;
    }),
  );
  return shape.columns
    .map(({ name }) => name)
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}
