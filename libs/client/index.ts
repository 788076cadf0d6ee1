export * from './api-client';
export * from './local-token';
