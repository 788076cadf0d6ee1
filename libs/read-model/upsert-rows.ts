import type { EntityManager, EntityMetadata } from 'typeorm';
import { arrayParameter } from './array-parameter';
import { tableOf } from './table-of';

/**
 * Inserts rows of an entity, or puts them in the place of those with the same primary key. An array for each column, and
 * so a statement of the same text however many rows there are: TypeORM's `upsert` names a parameter for each value, which
 * takes longer to write and to parse than the rows to store.
 *
 * @param rows each key once. A column whose property is undefined becomes null, not its default.
 */
export async function upsertRows<Row extends object>(
  tx: EntityManager,
  entity: new () => Row,
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return;
  const metadata = tx.connection.getMetadata(entity);
  await tx.query(
    statementOf(metadata),
    metadata.columns.map((column) => arrayParameter(column, rows)),
  );
}

const statements = new WeakMap<EntityMetadata, string>();

function statementOf(metadata: EntityMetadata): string {
  const known = statements.get(metadata);
  if (known !== undefined) return known;
  const { driver } = metadata.connection;
  const names = metadata.columns.map(({ databaseName }) => driver.escape(databaseName));
  const arrays = metadata.columns.map((column, index) => `$${index + 1}::${driver.normalizeType(column)}[]`);
  const keys = metadata.primaryColumns.map(({ databaseName }) => driver.escape(databaseName));
  const others = names.filter((name) => !keys.includes(name)).map((name) => `${name} = excluded.${name}`);
  const statement =
    `insert into ${tableOf(metadata)} (${names.join(', ')}) select * from unnest(${arrays.join(', ')}) ` +
    `on conflict (${keys.join(', ')}) do ${others.length > 0 ? `update set ${others.join(', ')}` : 'nothing'}`;
  statements.set(metadata, statement);
  return statement;
}
