import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ActionManifest, ActionRequest } from '#contracts/action';
import { type EventStore, foldRecorded } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { databaseNow } from '#libs/read-model';
import { demandValid, EVENT_STORE } from '#libs/service';
import { actionDigest, verifyWarrant } from '#libs/warrant';
import { actionManifest, CONNECTOR_CATALOGUE, type CatalogueEntry } from '../adapters/connectors/catalogue';
import { connectionDecider, connectionStream, type ConnectionState } from '../domain/connection.decider';
import type { DispatchedAction } from './action-job';
import { SigningKeyCopy } from './signing-keys';

export type RegisteredConnection = Extract<ConnectionState, { status: 'registered' }>;

/** Everything that the action needs, checked against what this service knows itself. */
export interface PreparedAction {
  readonly connector: CatalogueEntry;
  readonly manifest: ActionManifest;
  readonly connection: RegisteredConnection;
}

export interface Admitted {
  readonly digest: string;
  /** Null for a read. */
  readonly warrantId: string | null;
  readonly approvers: readonly string[];
}

/** Whether an action may run, decided at the last moment by this service alone, whoever asks (invariant 4). */
@Injectable()
export class Admission {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly keys: SigningKeyCopy,
    private readonly database: DataSource,
  ) {}

  /** Throws DomainError for what is unknown, has changed since the request, or does not fit the manifest. */
  async prepare(tenant: string, request: ActionRequest): Promise<PreparedAction> {
    const connection = await this.connection(tenant, request.connectionId);
    if (connection.version !== request.connectionVersion) {
      throw new DomainError('stale_request', {
        field: 'connectionVersion',
        reason: `The request is for version ${request.connectionVersion} of the connection, which is at ${connection.version}.`,
      });
    }
    const connector = CONNECTOR_CATALOGUE.get(connection.connector);
    if (!connector || connector.manifest.connector !== request.connector) {
      throw new DomainError('unknown_connection', {
        field: 'connector',
        reason: `The connection belongs to connector "${connection.connector}", not to "${request.connector}".`,
      });
    }
    if (connector.version !== request.manifestVersion) {
      throw new DomainError('stale_request', {
        field: 'manifestVersion',
        reason: `The manifest of ${request.connector} has changed since the request.`,
      });
    }
    const manifest = actionManifest(connector, request.action);
    if (!manifest) {
      throw new DomainError('unknown_action', {
        field: 'action',
        reason: `Connector ${request.connector} has no action "${request.action}".`,
      });
    }
    requireFitting(connector, manifest, request);
    return { connector, manifest, connection };
  }

  /** Throws DomainError `warrant_missing`, `warrant_expired` or `warrant_invalid`. */
  async admit(tenant: string, { request, warrant }: DispatchedAction, manifest: ActionManifest): Promise<Admitted> {
    const digest = actionDigest(tenant, request);
    if (manifest.effect === 'read') return { digest, warrantId: null, approvers: [] };
    const claims = verifyWarrant(warrant, {
      tenant,
      actionId: request.actionId,
      digest,
      keys: await this.keys.ring(),
      now: await databaseNow(this.database),
      requireApprover: manifest.effect === 'disruptive',
    });
    return { digest, warrantId: claims.jti, approvers: claims.approvers };
  }

  /** From the ledger, not from the read model, which may lag. */
  private async connection(tenant: string, connectionId: string): Promise<RegisteredConnection> {
    const history = await this.store.readStream('connection', connectionStream(connectionId));
    const state = foldRecorded(connectionDecider, history);
    if (state.status === 'absent' || history[0]?.tenant !== tenant) {
      throw new DomainError('unknown_connection', {
        field: 'connectionId',
        reason: `There is no connection "${connectionId}".`,
      });
    }
    return state;
  }
}

function requireFitting(
  connector: CatalogueEntry,
  manifest: ActionManifest,
  { target, parameters }: ActionRequest,
): void {
  const types = manifest.targetTypes;
  if (types.length === 0 && target !== null) {
    throw new DomainError('invalid_field', { field: 'target', reason: `${manifest.name} takes no target.` });
  }
  if (types.length > 0 && (target === null || !types.includes(target.type))) {
    throw new DomainError('invalid_field', {
      field: 'target.type',
      reason: `${manifest.name} needs a target of type ${types.join(' or ')}.`,
    });
  }
  const schema = connector.parametersSchemas.get(manifest.name);
  if (schema) demandValid(schema, { parameters }, 'parameters');
}
