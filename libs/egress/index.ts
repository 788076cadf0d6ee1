export * from './egress-client';
export * from './egress-rules';
export * from './secrets';
