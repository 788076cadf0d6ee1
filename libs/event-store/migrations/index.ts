export { type AdoptedLedger, adoptLedger, type RecordedTransactions } from './adopt-ledger';
export { asOwner, migrateLedger, type MigratedLedger, underMigrationLock } from './migrate-ledger';
export { ensureServiceSchemas } from './service-schemas';
export { MIGRATION_STEPS } from './migration-steps';
export { LEAF_STORAGE } from './shelves';
