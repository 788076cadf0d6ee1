export * from './tell';
export * from './stream-state';
