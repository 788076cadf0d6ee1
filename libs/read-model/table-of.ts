import type { EntityMetadata } from 'typeorm';

/** How a statement names the table of an entity: a rebuild has it in a schema of its own. */
export function tableOf({ tablePath, connection }: EntityMetadata): string {
  return tablePath
    .split('.')
    .map((part) => connection.driver.escape(part))
    .join('.');
}
