import type { ConnectorManifest } from '#contracts/action';
import type { ConnectionEvent } from '#contracts/events/connection';
import { ALL_TENANTS, withTenant } from '#libs/read-model';
import type { DataSource } from 'typeorm';
import type { KnownFacts } from '../domain/action-ruling';

/** This service's own copy of connections and manifests, as `countersign.connection` tells them. */
export class ConnectionCopy {
  constructor(private readonly database: DataSource) {}

  /** Idempotent, and blind to what is older than what it has: redelivery and rewinding change nothing. */
  async take(tenant: string, streamVersion: number, event: ConnectionEvent): Promise<void> {
    switch (event.type) {
      case 'ManifestPublished': {
        const { connector, version, manifest } = event.data;
        return this.run(
          tenant,
          `insert into svc_approval.manifest_copy (tenant, connector, version, stream_version, manifest)
           values ($1, $2, $3, $4, $5)
           on conflict (connector, version) do update
             set stream_version = greatest(manifest_copy.stream_version, excluded.stream_version)`,
          [tenant, connector, version, streamVersion, JSON.stringify(manifest)],
        );
      }
      case 'ConnectionRegistered': {
        const { connectionId, connector, name, version } = event.data;
        return this.run(
          tenant,
          `insert into svc_approval.connection_copy
             (tenant, connection_id, connector, name, version, removed, stream_version)
           values ($1, $2, $3, $4, $5, false, $6)
           on conflict (tenant, connection_id) do update
             set connector = $3, name = $4, version = $5, removed = false, stream_version = $6
             where connection_copy.stream_version < $6`,
          [tenant, connectionId, connector, name, version, streamVersion],
        );
      }
      case 'ConnectionRemoved':
        return this.run(
          tenant,
          `update svc_approval.connection_copy set removed = true, stream_version = $3
           where tenant = $1 and connection_id = $2 and stream_version < $3`,
          [tenant, event.data.connectionId, streamVersion],
        );
    }
  }

  async connection(tenant: string, connectionId: string): Promise<KnownFacts['connection']> {
    const rows: NonNullable<KnownFacts['connection']>[] = await withTenant(this.database, tenant, (tx) =>
      tx.query(
        `select connector, name, version, removed from svc_approval.connection_copy
         where tenant = $1 and connection_id = $2`,
        [tenant, connectionId],
      ),
    );
    return rows[0];
  }

  /** Manifests come with the connectors' code and are the same for all tenants; a version is the digest of its content. */
  async manifest(connector: string, version: string): Promise<KnownFacts['manifest']> {
    const rows: { manifest: ConnectorManifest; current: boolean }[] = await withTenant(
      this.database,
      ALL_TENANTS,
      (tx) =>
        tx.query(
          `select manifest, stream_version = (select max(stream_version) from svc_approval.manifest_copy
                                              where connector = $1) as current
           from svc_approval.manifest_copy where connector = $1 and version = $2`,
          [connector, version],
        ),
    );
    return rows[0];
  }

  private async run(tenant: string, statement: string, values: unknown[]): Promise<void> {
    await withTenant(this.database, tenant, (tx) => tx.query(statement, values));
  }
}
