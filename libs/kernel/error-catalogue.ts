/**
 * What kind of trouble a code is. The kind alone decides the HTTP status (libs/service), whether a message is retried
 * or goes to the dead letters (libs/bus), and whether an action is tried again (services/connector).
 */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'gone'
  | 'too_large'
  | 'unsupported'
  | 'throttled'
  | 'unavailable'
  | 'internal';

/** Every error code that leaves the process, with its kind and the title that problem+json shows. */
export const ERROR_CATALOGUE = {
  invalid_json: { kind: 'invalid', title: 'The body is not valid JSON' },
  invalid_field: { kind: 'invalid', title: 'A field is missing or wrong' },
  invalid_character: { kind: 'invalid', title: 'A text holds a character that cannot be stored' },
  unknown_format: { kind: 'invalid', title: 'The alert format is not known' },
  unknown_field: { kind: 'invalid', title: 'A field is not part of the contract' },
  invalid_playbook: { kind: 'invalid', title: 'The playbook is not valid' },
  invalid_mapping: { kind: 'invalid', title: 'The mapping file is not valid' },
  invalid_cursor: { kind: 'invalid', title: 'The cursor is not valid' },
  body_too_large: { kind: 'too_large', title: 'The body is too large' },
  alert_too_large: { kind: 'too_large', title: 'The alert is too large' },
  evidence_too_large: { kind: 'too_large', title: 'The evidence is too large' },
  unsupported_media_type: { kind: 'unsupported', title: 'The content type or encoding is not supported' },
  token_missing: { kind: 'unauthenticated', title: 'A token is required' },
  token_invalid: { kind: 'unauthenticated', title: 'The token is not valid' },
  permission_missing: { kind: 'forbidden', title: 'The role does not permit this' },
  principal_kind_refused: { kind: 'forbidden', title: 'This kind of principal may not do this' },
  audience_refused: { kind: 'forbidden', title: 'The token was issued for another audience' },
  requester_cannot_approve: { kind: 'forbidden', title: 'Who asks does not approve' },
  not_addressee: { kind: 'forbidden', title: 'The escalation went to somebody else' },
  not_found: { kind: 'not_found', title: 'Not found' },
  event_id_taken: { kind: 'conflict', title: 'The event id stands for another event already' },
  stream_conflict: { kind: 'conflict', title: 'Somebody else changed this first' },
  idempotency_key_reused: { kind: 'conflict', title: 'The idempotency key stood for another call' },
  already_decided: { kind: 'conflict', title: 'The approval has been decided' },
  approval_expired: { kind: 'gone', title: 'The approval has expired' },
  digest_mismatch: { kind: 'conflict', title: 'The digest does not match the request' },
  invalid_transition: { kind: 'conflict', title: 'This is not possible in the present state' },
  stale_request: { kind: 'conflict', title: 'The connection or its connector has changed since the request' },
  warrant_missing: { kind: 'forbidden', title: 'A warrant is required' },
  warrant_invalid: { kind: 'forbidden', title: 'The warrant is not valid for this action' },
  warrant_expired: { kind: 'forbidden', title: 'The warrant has expired' },
  warrant_spent: { kind: 'forbidden', title: 'The warrant has been used' },
  warrant_revoked: { kind: 'forbidden', title: 'The warrant has been revoked' },
  signing_key_invalid: { kind: 'forbidden', title: 'The pinned root does not vouch for this key' },
  egress_refused: { kind: 'forbidden', title: 'The connection may not reach this host' },
  unknown_action: { kind: 'invalid', title: 'The connector has no such action' },
  unknown_connection: { kind: 'not_found', title: 'There is no such connection' },
  secret_unresolved: { kind: 'invalid', title: 'A secret reference could not be resolved' },
  target_refused: { kind: 'invalid', title: 'The outside system refused the request' },
  credentials_refused: { kind: 'forbidden', title: 'The outside system refused the credentials' },
  answer_unreadable: { kind: 'unavailable', title: 'The answer of the outside system cannot be read' },
  outcome_unknown: { kind: 'unavailable', title: 'It is not known whether the action had its effect' },
  target_unreachable: { kind: 'unavailable', title: 'The outside system cannot be reached' },
  unknown_schema_version: {
    kind: 'unavailable',
    title: 'An event or message has a schema version that this release does not know',
  },
  unknown_event_type: { kind: 'invalid', title: 'The message has a type that this release does not know' },
  invalid_message: { kind: 'invalid', title: 'The message is not a valid CloudEvent' },
  message_too_large: { kind: 'too_large', title: 'The message is too large for the bus' },
  retries_exhausted: { kind: 'unavailable', title: 'The message was tried too often' },
  throttled: { kind: 'throttled', title: 'Too many requests' },
  service_unavailable: { kind: 'unavailable', title: 'The service cannot answer now' },
  database_unavailable: { kind: 'unavailable', title: 'The database cannot be reached' },
  broker_missing: { kind: 'unavailable', title: 'There is no Kafka broker and none can be started' },
  bus_unavailable: { kind: 'unavailable', title: 'The bus cannot be reached' },
  personal_key_missing: { kind: 'unavailable', title: 'Personal data cannot be read with the keys that are here' },
  ledger_not_adopted: { kind: 'unavailable', title: 'The ledger has been moved here and is not adopted' },
  history_archived: { kind: 'unavailable', title: 'The history is archived, and the archive is not here' },
  ledger_contradicted: { kind: 'conflict', title: 'The ledger contradicts what was witnessed of it' },
  ledger_damaged: { kind: 'internal', title: 'The ledger does not verify' },
  invalid_configuration: { kind: 'invalid', title: 'The configuration is not valid' },
  internal: { kind: 'internal', title: 'Something went wrong inside' },
} as const satisfies Record<string, { kind: ErrorKind; title: string }>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;
