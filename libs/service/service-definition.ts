import type { DynamicModule } from '@nestjs/common';
import type { ServiceName } from '#contracts/envelope';
import type { BusPublisher } from '#libs/bus';
import type { EventStore, Snapshots } from '#libs/event-store';
import type { JobQueue } from '#libs/jobs';
import type { Clock } from '#libs/kernel';
import type { PersonalData, PersonalKeys } from '#libs/personal-data';
import type { Projection, ProjectionRunner } from '#libs/read-model';
import type { Telemetry } from '#libs/telemetry';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Static, TObject } from 'typebox';
import type { DataSource, MigrationInterface } from 'typeorm';
import type { ServiceSettings } from './config';
import type { ServiceMetrics } from './metrics';

export const PROFILES = ['demo', 'development', 'production'] as const;
export type Profile = (typeof PROFILES)[number];

/** What a service is handed before its Nest module is built. Every part acts as the service's own database role. */
export interface ServiceContext<Config = Record<string, unknown>> {
  readonly name: ServiceName;
  readonly profile: Profile;
  /** The service's own variables, parsed and coerced by its schema. */
  readonly config: Config;
  readonly logger: Logger;
  /** For spans of work that the bus and the event store do not know of. */
  readonly telemetry: Telemetry;
  /** For what only this service can be asked about. */
  readonly metrics: ServiceMetrics;
  readonly clock: Clock;
  /**
   * Events with personal data open, in the versions that this release writes; as they are stored for a service that says
   * `readsAsStored`. What is appended is sealed for either.
   */
  readonly store: EventStore;
  /** For `execute`, `executeAll` and `loadStates`, of deciders whose streams grow long. */
  readonly snapshots: Snapshots;
  /** The ledger's database as the service's role, for what libs/bus keeps there (dead letters, the relay's cursor). */
  readonly ledgerPool: Pool;
  /** Seals and opens personal data, for what the store and the bus do not. */
  readonly personal: PersonalData;
  readonly personalKeys: Pick<PersonalKeys, 'ring' | 'look' | 'replace'>;
  /** Read models, in the schema `svc_<service>`; `withTenant` of `#libs/read-model` sets the tenant for row security. */
  readonly database: DataSource;
  readonly publisher: BusPublisher;
  /** `readModels.caughtUpWith(events)`: so that who has written something reads it back. */
  readonly readModels: Pick<ProjectionRunner, 'caughtUpWith' | 'names' | 'troubles'>;
  readonly jobs: JobQueue;
  /** What every service knows from the common variables: issuer, keys, where the others are. */
  readonly settings: ServiceSettings;
  /** Aborts when the service begins to stop: streams to clients end on it. */
  readonly stopping: AbortSignal;
  /** Called when HTTP closes: for what else lets something in from outside. It is awaited within the edge's budget. */
  closeWithEdge(close: () => Promise<void>): void;
}

/** All that projections may be made of: a rebuild makes them too, with jobs that do nothing. */
export interface ProjectionParts {
  readonly jobs: Pick<JobQueue, 'schedule' | 'cancel'>;
}

/** All that tells one service from another. Made by `defineService`, run by `runService` or `startService`. */
export interface ServiceDefinition<Config extends TObject = TObject> {
  readonly name: ServiceName;
  /** Unless `<SERVICE>_PORT` says otherwise. */
  readonly port: number;
  /** The service's own environment variables, keyed by their names. */
  readonly config: Config;
  /** TypeORM's entity classes, whose tables lie in the service's schema. */
  readonly entities: readonly (new () => object)[];
  /** Run by `countersign migrate` alone. */
  readonly migrations: readonly (new () => MigrationInterface)[];
  /**
   * It proves events or passes them on: its store hands them out as they were written. What it decides on itself, it
   * reads by `interpreting(store, asRead(personal))`.
   */
  readonly readsAsStored?: true;
  /** Settings that the production profile must refuse, each as `NAME: reason`. */
  refuseInProduction?(config: Static<Config>): readonly string[];
  projections(parts: ProjectionParts): readonly Projection[];
  /** Controllers (HTTP and reactions) and providers. The tokens of this library are there without an import. */
  module(context: ServiceContext<Static<Config>>): DynamicModule;
}

/** Checks a definition and infers the type of its configuration from the schema. */
export function defineService<Config extends TObject>(
  definition: ServiceDefinition<Config>,
): ServiceDefinition<Config> {
  return definition;
}
