export * from './auth/source-token-verifier';
export * from './http/request-context';
export * from './service-definition';
export * from './tokens';
