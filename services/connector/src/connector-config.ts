import Type, { type Static } from 'typebox';

export const ConnectorConfig = Type.Object({
  /** Folder of the files that `secret://name@version` references name; `secrets` in COUNTERSIGN_DATA by default. */
  COUNTERSIGN_SECRETS_DIR: Type.Optional(Type.String({ minLength: 1 })),
  /** Actions in hand at once on this instance. */
  CONNECTOR_CONCURRENCY: Type.Integer({ minimum: 1, maximum: 1_000, default: 16 }),
  /** Milliseconds after which the action of an instance that was killed is taken over. */
  CONNECTOR_LEASE_MS: Type.Integer({ minimum: 500, maximum: 600_000, default: 10_000 }),
});
export type ConnectorConfig = Static<typeof ConnectorConfig>;
