/**
 * Whose data a field is, and so under which key it lies. A `person` is somebody whose name is the field's whole value: who
 * acted, approved, was assigned. A `record` is the alert, case or other stream that a text or a value belongs to: nobody
 * can say whom else a free text names.
 */
export interface Subject {
  readonly kind: 'person' | 'record';
  readonly tenant: string;
  /** A login as it is written in tokens, or a stream: `case-<id>`, `alert-<id>`. */
  readonly name: string;
}

/** Names of people are compared without regard to case. */
export const person = (tenant: string, name: string): Subject => ({
  kind: 'person',
  tenant,
  name: name.trim().normalize('NFC').toLowerCase(),
});

export const record = (tenant: string, name: string): Subject => ({ kind: 'record', tenant, name });
