export * from './tell';
