export * from './port';
export * from './to-message';
export * from './topics';
export * from './traceparent';
