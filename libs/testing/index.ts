export * from './given-when-then';
export * from './migrated-database';
export * from './kafka';
export * from './postgres';
export * from './test-server';
