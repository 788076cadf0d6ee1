import { join } from 'node:path';
import Type from 'typebox';
import { repositoryRoot } from '#libs/local';
import { defineService } from '#libs/service';
import { AlertsReaction } from './app/alerts.reaction';
import { DatasetsController } from './app/datasets.controller';
import { LocalLists } from './app/local-lists';
import { DatasetRow } from './read/dataset.entity';
import { datasetProjection } from './read/dataset.projection';
import { Datasets1764000000000 } from './read/migrations/1764000000000-datasets';

/** Finds the observables of alerts and looks them up in local lists. */
export const service = defineService({
  name: 'enrichment',
  port: 8082,
  config: Type.Object({
    /** Warning lists of MISP (`.json`) and verdicts (`.csv`), at any depth. */
    COUNTERSIGN_DATASETS_DIR: Type.String({
      minLength: 1,
      default: join(repositoryRoot, 'services', 'enrichment', 'datasets'),
    }),
    /** Milliseconds between looks at that folder. */
    DATASETS_POLL_MS: Type.Integer({ minimum: 50, maximum: 3_600_000, default: 5_000 }),
  }),
  entities: [DatasetRow],
  migrations: [Datasets1764000000000],
  projections: () => [datasetProjection],
  module: () => ({
    module: EnrichmentModule,
    controllers: [AlertsReaction, DatasetsController],
    providers: [LocalLists],
  }),
});

class EnrichmentModule {}
