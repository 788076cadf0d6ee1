export * from './clock';
export * from './decider';
export * from './domain-error';
export * from './error-catalogue';
export * from './ids';
export * from './ip-address';
export * from './json';
export * from './wake-signal';
