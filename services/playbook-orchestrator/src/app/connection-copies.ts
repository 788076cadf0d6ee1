import { Inject, Injectable } from '@nestjs/common';
import { DataSource, In } from 'typeorm';
import type { ConnectionEvent } from '#contracts/events/connection';
import type { BusMessage } from '#libs/bus';
import { withTenant } from '#libs/read-model';
import type { ConnectionFacts } from '../domain/run-flow';
import { ConnectionCopy } from '../read/connection-copy.entity';
import { ManifestCopy } from '../read/manifest-copy.entity';

/** This service's own copy of the registered connections and of what their connectors declare. */
@Injectable()
export class ConnectionCopies {
  constructor(@Inject(DataSource) private readonly database: DataSource) {}

  /** The facts of those of `ids` that are registered and whose connector has declared its actions. */
  async facts(tenant: string, ids: readonly string[]): Promise<ReadonlyMap<string, ConnectionFacts>> {
    if (ids.length === 0) return new Map();
    const [connections, manifests] = await withTenant(this.database, tenant, async (tx) => {
      const found = await tx.findBy(ConnectionCopy, { tenant, connectionId: In([...ids]), removed: false });
      const connectors = [...new Set(found.map(({ connector }) => connector))];
      return [found, await tx.findBy(ManifestCopy, { connector: In(connectors) })] as const;
    });
    const byConnector = new Map(manifests.map((manifest) => [manifest.connector, manifest]));
    return new Map(
      connections.flatMap(({ connectionId, connector, version }) => {
        const manifest = byConnector.get(connector);
        if (manifest === undefined) return [];
        const effects = new Map(Object.entries(manifest.effects));
        const facts: ConnectionFacts = { connectionId, version, connector, manifestVersion: manifest.version, effects };
        return [[connectionId, facts] as const];
      }),
    );
  }

  /** Takes an event in; one that is older than the copy changes nothing. */
  async keep({ tenant, streamVersion = 0 }: BusMessage, event: ConnectionEvent): Promise<void> {
    switch (event.type) {
      case 'ManifestPublished': {
        const { connector, version, manifest } = event.data;
        const effects = Object.fromEntries(manifest.actions.map(({ name, effect }) => [name, effect]));
        await this.newer(tenant, ManifestCopy, { connector }, { connector, version, effects, streamVersion });
        return;
      }
      case 'ConnectionRegistered': {
        const { connectionId, connector, version } = event.data;
        const row = { tenant, connectionId, connector, version, removed: false, streamVersion };
        await this.newer(tenant, ConnectionCopy, { tenant, connectionId }, row);
        return;
      }
      case 'ConnectionRemoved': {
        const { connectionId, version } = event.data;
        await withTenant(this.database, tenant, async (tx) => {
          const known = await tx.findOneBy(ConnectionCopy, { tenant, connectionId });
          if (known === null || known.streamVersion >= streamVersion) return;
          await tx.save(ConnectionCopy, { ...known, version, removed: true, streamVersion });
        });
      }
    }
  }

  private async newer<Row extends ConnectionCopy | ManifestCopy>(
    tenant: string,
    entity: new () => Row,
    key: Record<string, string>,
    row: Row,
  ): Promise<void> {
    await withTenant(this.database, tenant, async (tx) => {
      const known = await tx.findOneBy<ConnectionCopy | ManifestCopy>(entity, key);
      if (known === null || known.streamVersion < row.streamVersion) await tx.save(entity, row);
    });
  }
}
