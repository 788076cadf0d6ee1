import type { EntityManager, EntityMetadata } from 'typeorm';
import { arrayParameter } from './array-parameter';
import { tableOf } from './table-of';

/**
 * The rows of an entity whose property has one of the values: as `findBy` with `Any`, but without making objects of a class
 * out of them, which takes longer than to read them.
 *
 * @param property of a column that holds text or an id.
 */
export async function findRows<Row extends object>(
  tx: EntityManager,
  entity: new () => Row,
  property: keyof Row & string,
  values: Iterable<string>,
): Promise<Row[]> {
  const wanted = [...new Set(values)];
  if (wanted.length === 0) return [];
  const metadata = tx.connection.getMetadata(entity);
  const key = columnOf(metadata, property);
  const { driver } = metadata.connection;
  const columns = metadata.columns.map(
    ({ databaseName, propertyName }) => `${driver.escape(databaseName)} as ${driver.escape(propertyName)}`,
  );
  return tx.query<Row[]>(
    `select ${columns.join(', ')} from ${tableOf(metadata)} ` +
      `where ${driver.escape(key.databaseName)} = any($1::${driver.normalizeType(key)}[])`,
    [
      arrayParameter(
        key,
        wanted.map((value) => ({ [property]: value })),
      ),
    ],
  );
}

function columnOf(metadata: EntityMetadata, property: string): EntityMetadata['columns'][number] {
  const column = metadata.findColumnWithPropertyName(property);
  if (!column) throw new TypeError(`${metadata.name} has no column for ${property}`);
  return column;
}
