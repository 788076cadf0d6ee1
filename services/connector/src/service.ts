import { defineService } from '#libs/service';
import { ErasureReaction } from './app/erasure.reaction';
import { ActionMetrics } from './app/action-metrics';
import { ActionPerformer } from './app/action-performer';
import { ActionWorker } from './app/action-worker';
import { ActionsController } from './app/actions.controller';
import { Admission } from './app/admission';
import { ConnectionsController } from './app/connections.controller';
import { DispatchReaction } from './app/dispatch.reaction';
import { ManifestPublisher } from './app/manifest-publisher';
import { RevocationReaction } from './app/revocation.reaction';
import { SigningKeyCopy, SigningKeysReaction } from './app/signing-keys';
import { ConnectorConfig } from './connector-config';
import { Action } from './read/action.entity';
import { actionsProjection } from './read/actions.projection';
import { Connection } from './read/connection.entity';
import { connectionsProjection } from './read/connections.projection';
import { PublishedKey } from './read/published-key.entity';
import { ConnectorTables1764000000000 } from './read/tables.migration';

class ConnectorModule {}

/** Executes one action against one real system, after verifying its warrant itself. */
export const service = defineService({
  name: 'connector',
  port: 8086,
  config: ConnectorConfig,
  entities: [Action, Connection, PublishedKey],
  migrations: [ConnectorTables1764000000000],
  projections: () => [connectionsProjection, actionsProjection],
  module: () => ({
    module: ConnectorModule,
    controllers: [
      ConnectionsController,
      ActionsController,
      DispatchReaction,
      RevocationReaction,
      SigningKeysReaction,
      ErasureReaction,
    ],
    providers: [Admission, ActionMetrics, ActionPerformer, ActionWorker, ManifestPublisher, SigningKeyCopy],
  }),
});
