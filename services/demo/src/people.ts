/** Who does what in the demo, as accounts of the local issuer: three different people, so that nobody approves their own. */
export const PEOPLE = {
  /** Registers sources and connections. */
  admin: 'root',
  /** Imports the playbooks. */
  importer: 'ines',
  /** Activates them. */
  activator: 'adam',
  /** Decides about disruptive actions. */
  owner: 'olivia',
  /** Verifies the ledger. */
  auditor: 'audrey',
} as const;
export type Part = keyof typeof PEOPLE;
