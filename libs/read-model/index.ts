export { checkpointTransactions } from './checkpoint';
export * from './migrate';
export * from './projection';
export * from './projection-runner';
export * from './tenant';
