export * from './action-digest';
export * from './ed25519-key';
export * from './key-material';
export * from './key-ring';
export * from './signing-key';
export * from './warrant';
