export * from './checkpoint';
export * from './ledger-verifier';
export * from './verify-export';
export * from './verify-proof';
export * from './export-lines';
