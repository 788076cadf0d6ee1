import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ConnectionView, ConnectorView, RegisterConnectionBody } from '#contracts/http/connector';
import type { Principal } from '#contracts/identity';
import { destinationOf, isListedHost, refuseInlineCredentials } from '#libs/egress';
import { type EventStore, execute } from '#libs/event-store';
import { type Clock, DomainError, type JsonObject } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import {
  actorOf,
  CLOCK,
  CurrentPrincipal,
  demandValid,
  EVENT_STORE,
  isLoopback,
  READ_MODELS,
  type RequestTrace,
  SERVICE_CONTEXT,
  type ServiceContext,
  Trace,
} from '#libs/service';
import { CONNECTOR_CATALOGUE } from '../adapters/connectors/catalogue';
import { type ConnectionCommand, connectionDecider, connectionStream } from '../domain/connection.decider';
import { Connection } from '../read/connection.entity';

@Controller()
export class ConnectionsController {
  constructor(
    private readonly database: DataSource,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(READ_MODELS) private readonly readModels: ServiceContext['readModels'],
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
  ) {}

  @Get('/v1/connectors')
  connectors(): { items: ConnectorView[] } {
    const items = [...CONNECTOR_CATALOGUE.values()].map(({ manifest, version }) => {
      return { connector: manifest.connector, version, manifest };
    });
    return { items };
  }

  @Get('/v1/connections')
  async list(@CurrentPrincipal() principal: Principal): Promise<{ items: ConnectionView[] }> {
    const { tenant } = principal;
    const rows = await withTenant(this.database, tenant, (tx) =>
      tx.getRepository(Connection).find({ where: { tenant, removed: false }, order: { id: 'ASC' } }),
    );
    return { items: rows.map(viewOf) };
  }

  @Get('/v1/connections/:id')
  async show(@Param('id') id: string, @CurrentPrincipal() { tenant }: Principal): Promise<ConnectionView> {
    const row = await withTenant(this.database, tenant, (tx) =>
      tx.getRepository(Connection).findOneBy({ tenant, id, removed: false }),
    );
    if (!row) throw new DomainError('unknown_connection', { field: 'id', reason: `There is no connection "${id}".` });
    return viewOf(row);
  }

  @Put('/v1/connections/:id')
  async register(
    @Param('id') id: string,
    @Body() body: RegisterConnectionBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<ConnectionView> {
    const settings = checkedSettings(body, this.context.profile);
    const { connector, name, allowedHosts } = body;
    await this.execute(principal, trace, {
      type: 'RegisterConnection',
      connectionId: id,
      connector,
      name,
      settings,
      allowedHosts,
    });
    return this.show(id, principal);
  }

  @Delete('/v1/connections/:id')
  @HttpCode(204)
  async remove(
    @Param('id') id: string,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<void> {
    await this.execute(principal, trace, { type: 'RemoveConnection', connectionId: id });
  }

  private async execute(principal: Principal, meta: RequestTrace, command: ConnectionCommand): Promise<void> {
    const { tenant } = principal;
    const stream = connectionStream(command.connectionId);
    const [first] = await this.store.readStream('connection', stream, { limit: 1 });
    if (first && first.tenant !== tenant) {
      throw new DomainError('invalid_field', { field: 'id', reason: 'This connection id is taken; choose another.' });
    }
    const context = {
      category: 'connection',
      stream,
      tenant,
      actor: actorOf(principal),
      meta,
      time: this.clock.now(),
    } as const;
    const { events } = await execute(this.store, connectionDecider, context, command);
    await this.readModels.caughtUpWith(events);
  }
}

/** The settings fit the connector's manifest, hold no credential, and lead to a host that the connection lists. */
function checkedSettings(
  { connector, settings, allowedHosts }: RegisterConnectionBody,
  profile: ServiceContext['profile'],
): JsonObject {
  const known = CONNECTOR_CATALOGUE.get(connector);
  if (!known) {
    const names = [...CONNECTOR_CATALOGUE.keys()].join(', ');
    throw new DomainError('invalid_field', {
      field: 'connector',
      reason: `There is no connector "${connector}"; there are ${names}.`,
    });
  }
  // It was parsed from JSON.
  const json = settings as JsonObject;
  refuseInlineCredentials(json);
  demandValid(known.settingsSchema, { settings: json }, 'settings');
  const destination = destinationOf(new URL(String(json['baseUrl'])));
  if (!isListedHost({ allowedHosts }, destination)) {
    throw new DomainError('invalid_field', {
      field: 'allowedHosts',
      reason: `The host of baseUrl (${destination.host}:${destination.port}) is not among them.`,
    });
  }
  if (profile === 'production' && isLoopback(destination.host)) {
    throw new DomainError('invalid_field', {
      field: 'settings.baseUrl',
      reason: 'The production profile reaches no loopback target.',
    });
  }
  return json;
}

function viewOf({ id, connector, name, version, settings, allowedHosts, changedAt }: Connection): ConnectionView {
  return { id, connector, name, version, settings, allowedHosts, changedAt: changedAt.toISOString() };
}
