import Type, { type Static } from 'typebox';
import { AnyObject, Closed, Digest, Literals, Nullable, Personal, PersonName, Text, Timestamp, Uuid } from './schema';

/** `read` runs freely, `write` needs a warrant that policy may give by itself, `disruptive` a human's (invariant 4). */
export const EFFECTS = ['read', 'write', 'disruptive'] as const;
export const Effect = Literals(...EFFECTS);
export type Effect = (typeof EFFECTS)[number];

/** What an action is aimed at, in OpenC2's sense: `{type: 'ipv4-net', value: '203.0.113.7'}`, `{type: 'account', ...}`. */
export const ActionTarget = Closed({ type: Text(100), value: Personal(Text(2048)) });
export type ActionTarget = Static<typeof ActionTarget>;

/**
 * The exact action that somebody asks for. The digest (libs/warrant) is over the canonical form of these fields and the
 * tenant, all but `title` and `reason`; a warrant binds to that digest and to nothing less.
 */
export const ActionRequest = Closed({
  actionId: Uuid,
  runId: Uuid,
  caseId: Nullable(Uuid),
  /** CACAO step id, `action--<uuid>`. */
  stepId: Text(200),
  playbookId: Text(200),
  playbookDigest: Digest,
  connectionId: Text(100),
  connectionVersion: Type.Integer({ minimum: 1 }),
  connector: Text(100),
  /** Digest of the connector's manifest. */
  manifestVersion: Digest,
  action: Text(100),
  target: Nullable(ActionTarget),
  /** Secrets stand here as `secret://name@version` references only. */
  parameters: Personal(AnyObject),
  /** The step's name and description: shown to the approver as the playbook's words, never part of what is executed. */
  title: Text(500),
  reason: Personal(Text(4000, 0)),
  /** Milliseconds from dispatch until the step counts as failed. */
  timeoutMs: Type.Integer({ minimum: 1 }),
});
export type ActionRequest = Static<typeof ActionRequest>;

/** One action of a connector's manifest. Undeclared effect means disruptive. */
export const ActionManifest = Closed({
  name: Text(100),
  title: Text(200),
  description: Text(2000, 0),
  effect: Effect,
  /** Name of the action that undoes this one. */
  inverse: Nullable(Text(100)),
  /** Whether the target honours an idempotency key: if not, a lost answer becomes "outcome unknown". */
  idempotent: Type.Boolean(),
  /** A read-only preview is declared (not yet executed in this release). */
  preview: Type.Boolean(),
  targetTypes: Type.Array(Text(100)),
  /** JSON Schema of `parameters` and of the outputs. */
  input: AnyObject,
  output: AnyObject,
  /** Human wording with {target} and {parameters.x}, shown to the approver: `Block {target.value} on the firewall`. */
  wording: Text(500),
});
export type ActionManifest = Static<typeof ActionManifest>;

export const ConnectorManifest = Closed({
  connector: Text(100),
  title: Text(200),
  description: Text(2000, 0),
  /** JSON Schema of a connection's settings. */
  settings: AnyObject,
  actions: Type.Array(ActionManifest, { minItems: 1 }),
});
export type ConnectorManifest = Static<typeof ConnectorManifest>;

/** Claims of the warrant, an Ed25519 JWS in compact form; `typ` is `countersign-warrant+jwt`, `kid` a published key. */
export const WarrantClaims = Closed({
  iss: Type.Literal('countersign-approval'),
  jti: Uuid,
  tenant: Text(100),
  /** One warrant, one action. */
  actionId: Uuid,
  digest: Digest,
  effect: Effect,
  /** Subjects of the humans who granted it; empty when policy alone allowed a write. */
  approvers: Type.Array(PersonName(Text(200))),
  policyVersion: Text(100),
  /** Seconds since the epoch. */
  iat: Type.Integer(),
  nbf: Type.Integer(),
  exp: Type.Integer(),
});
export type WarrantClaims = Static<typeof WarrantClaims>;

/** The compact JWS. It names the approvers. */
export const Warrant = Personal(Type.String({ pattern: '^[\\w-]+\\.[\\w-]+\\.[\\w-]+$', maxLength: 8192 }));

/** A public key under the pinned root: how services learn each other's keys (purpose: what it may sign). */
export const SigningKey = Closed({
  keyId: Text(100),
  purpose: Literals('warrant', 'checkpoint'),
  algorithm: Type.Literal('Ed25519'),
  /** Raw 32 bytes, base64url: the JWK's `x`. */
  publicKey: Type.String({ pattern: '^[\\w-]{43}$' }),
  notBefore: Timestamp,
  notAfter: Nullable(Timestamp),
  rootKeyId: Text(100),
  /** Ed25519 by the root over the RFC 8785 form of the fields above, base64url. */
  rootSignature: Type.String({ pattern: '^[\\w-]{86}$' }),
});
export type SigningKey = Static<typeof SigningKey>;
