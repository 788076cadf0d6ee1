export * from './given-when-then';
export * from './postgres';
export * from './test-server';
