export * from './given-when-then';
export * from './migrated-database';
export * from './postgres';
export * from './test-server';
