export * from './given-when-then';
export * from './kafka';
export * from './migrated-database';
export * from './postgres';
export * from './postgres-tools';
export * from './python';
export * from './test-server';
export * from './typescript-child';
