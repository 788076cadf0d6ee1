export * from './dated';
export * from './tell';
export * from './stream-state';
