export { createKeyFile } from './key-file';
export { KeyRing } from './key-ring';
export { PersonalData } from './personal-data';
export { demandKeysOfLedger } from './demand-keys-of-ledger';
export { asRead, asStored } from './event-codec';
export { ERASED } from './personal-fields';
export { createPersonalKeys, PERSONAL_KEYS, PersonalKeys } from './personal-keys';

export { person, record, type Subject } from './subject';
