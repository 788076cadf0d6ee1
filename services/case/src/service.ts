import { join } from 'node:path';
import type { Provider } from '@nestjs/common';
import Type, { type Static } from 'typebox';
import { repositoryRoot } from '#libs/local';
import { defineService, type ServiceContext } from '#libs/service';
import { EvidenceStore } from './adapters/evidence-store';
import { loadHmacKey } from './adapters/hmac-key';
import { ErasureReaction } from './app/erasure.reaction';
import { AlertIntake } from './app/alert-intake';
import { AlertReactions } from './app/alert.reactions';
import { CaseCommandsController } from './app/case-commands.controller';
import { CaseRequests } from './app/case-requests';
import { CaseViews } from './app/case-views';
import { CasesController } from './app/cases.controller';
import { CorrelationController } from './app/correlation.controller';
import { CorrelationMetrics } from './app/correlation-metrics';
import { EscalationDeadlines } from './app/escalation-deadlines';
import { RulesAdoption } from './app/rules-adoption';
import { TimelineReactions } from './app/timeline.reactions';
import { CaseAlertRow } from './read/case-alert.entity';
import { observeCases } from './read/case-counts';
import { CaseDetailAlertRow, CaseDetailRow, CaseEntryRow } from './read/case-detail.entity';
import { CaseDetailProjection } from './read/case-detail.projection';
import { CaseListProjection } from './read/case-list.projection';
import { CaseSummaryRow } from './read/case-summary.entity';
import { EvidenceContentRow } from './read/evidence-content.entity';
import { ForeignEventRow } from './read/foreign-event.entity';
import { Cases1764000000000 } from './read/migrations/1764000000000-cases';
import { CaseDetails1764400000000 } from './read/migrations/1764400000000-case-details';
import { CaseFilters1764500000000 } from './read/migrations/1764500000000-case-filters';
import { Storms1764600000000 } from './read/migrations/1764600000000-storms';
import { SimilarCases1764700000000 } from './read/migrations/1764700000000-similar-cases';
import { SmallerRows1764800000000 } from './read/migrations/1764800000000-smaller-rows';
import { CaseObservablesRow, SharedObservableRow } from './read/similar-cases.entity';
import { SimilarCasesProjection } from './read/similar-cases.projection';

/** For who wants to know offline what is wrong with a file of rules. */
export { loadCorrelationRules } from './adapters/correlation-rules-file';

const config = Type.Object({
  /** Which alerts belong in one case. */
  COUNTERSIGN_CORRELATION_FILE: Type.String({
    minLength: 1,
    default: join(repositoryRoot, 'services', 'case', 'correlation.yaml'),
  }),
  /** Milliseconds between two looks at that file: a change of it holds without a restart. */
  COUNTERSIGN_CORRELATION_POLL_MS: Type.Integer({ minimum: 100, maximum: 3_600_000, default: 5_000 }),
  /** At least 32 random bytes in base64, the same for every instance; made in the keys folder where it is missing. */
  COUNTERSIGN_HMAC_KEY: Type.Optional(Type.String({ minLength: 1 })),
});

/** One outcome for each receipt, and the cases that alerts lead to. */
export const service = defineService({
  name: 'case',
  port: 8083,
  config,
  entities: [
    CaseSummaryRow,
    CaseAlertRow,
    CaseDetailRow,
    CaseDetailAlertRow,
    CaseEntryRow,
    SharedObservableRow,
    CaseObservablesRow,
    ForeignEventRow,
    EvidenceContentRow,
  ],
  migrations: [
    Cases1764000000000,
    CaseDetails1764400000000,
    CaseFilters1764500000000,
    Storms1764600000000,
    SimilarCases1764700000000,
    SmallerRows1764800000000,
  ],
  refuseInProduction: ({ COUNTERSIGN_HMAC_KEY }) =>
    COUNTERSIGN_HMAC_KEY === undefined ? ['COUNTERSIGN_HMAC_KEY: is required, and the same for every instance'] : [],
  projections: ({ jobs }) => [new CaseListProjection(jobs), new CaseDetailProjection(), new SimilarCasesProjection()],
  module: (context) => ({
    module: CaseModule,
    controllers: [
      CasesController,
      CaseCommandsController,
      CorrelationController,
      AlertReactions,
      TimelineReactions,
      ErasureReaction,
    ],
    providers: providersOf(context),
  }),
});

class CaseModule {}

function providersOf({
  store,
  database,
  clock,
  jobs,
  snapshots,
  readModels,
  logger,
  metrics,
  config: settings,
  settings: common,
}: ServiceContext<Static<typeof config>>): Provider[] {
  const deadlines = new EscalationDeadlines(database, store, snapshots, clock);
  deadlines.watch(jobs);
  observeCases(metrics, database);
  const { COUNTERSIGN_CORRELATION_FILE: file, COUNTERSIGN_CORRELATION_POLL_MS: everyMs } = settings;
  const adoption = new RulesAdoption({ store, clock, logger, file, everyMs });
  const { onSuppressed } = new CorrelationMetrics(metrics, adoption);
  const hmacKey = loadHmacKey(settings.COUNTERSIGN_HMAC_KEY, common.keysFolder);
  const rules = () => adoption.current();
  const intake = new AlertIntake({ store, snapshots, clock, rules, hmacKey, onSuppressed });
  const views = new CaseViews({ store, database, readModels, clock });
  return [
    { provide: RulesAdoption, useValue: adoption },
    { provide: AlertIntake, useValue: intake },
    { provide: CaseViews, useValue: views },
    { provide: CaseRequests, useValue: new CaseRequests(store, snapshots, views, clock) },
    { provide: EvidenceStore, useValue: new EvidenceStore(database) },
    { provide: EscalationDeadlines, useValue: deadlines },
  ];
}
