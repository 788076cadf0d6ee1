export * from './embedded-postgres';
export * from './file-lock';
export * from './free-port';
export * from './migrate';
export * from './process-identity';
export * from './repository-root';
