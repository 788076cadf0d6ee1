export * from './canonical-json';
export * from './database-roles';
export * from './event-hash';
export * from './execute';
export * from './execute-all';
export * from './memory-event-store';
export * from './migrations';
export * from './port';
export { headAfter } from './prepared-group';
