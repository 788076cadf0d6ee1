export * from './action-digest';
export * from './ed25519-key';
export { createKeyMaterial, type KeyFiles, type KeyPair, loadKeyPair, loadRootPublicKey } from './key-material';
export * from './key-rotation';
export * from './key-ring';
export * from './signing-key';
export * from './warrant';
