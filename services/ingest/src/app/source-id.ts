import { deterministicId } from '#libs/kernel';

/** The name decides the id, so that the ledger itself refuses a second source of the same name. */
export const sourceIdOf = (tenant: string, name: string): string =>
  deterministicId('source', tenant, name.toLowerCase());
