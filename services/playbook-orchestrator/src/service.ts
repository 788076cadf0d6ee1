import Type from 'typebox';
import { defineService } from '#libs/service';
import { ErasureReaction } from './app/erasure.reaction';
import { ActionReaction } from './app/action.reaction';
import { ApprovalReaction } from './app/approval.reaction';
import { CaseFacts } from './app/case-facts';
import { CaseReaction } from './app/case.reaction';
import { ConnectionCopies } from './app/connection-copies';
import { ConnectionReaction } from './app/connection.reaction';
import { ManualRuns } from './app/manual-runs';
import { PastStates } from './app/past-states';
import { PlaybookLibrary } from './app/playbook-library';
import { PlaybooksController } from './app/playbooks.controller';
import { PolicyReaction } from './app/policy.reaction';
import { RunConductor } from './app/run-conductor';
import { RunDeadlines } from './app/run-deadlines';
import { RunsController } from './app/runs.controller';
import { WarrantCheck } from './app/warrant-check';
import { CaseFactsRow } from './read/case-facts.entity';
import { ConnectionCopy } from './read/connection-copy.entity';
import { ManifestCopy } from './read/manifest-copy.entity';
import { observeOpenRuns } from './read/open-runs';
import { PlaybookQueries } from './read/playbook-queries';
import { PlaybookVersionRow } from './read/playbook-version.entity';
import { PlaybooksProjection } from './read/playbooks.projection';
import { PublishedKey } from './read/published-key.entity';
import { RunQueries } from './read/run-queries';
import { RunStepRow } from './read/run-step.entity';
import { RunRow } from './read/run.entity';
import { RunsProjection } from './read/runs.projection';
import { OrchestratorTables1764000000000 } from './read/tables.migration';

class PlaybookOrchestratorModule {}

/** Keeps playbooks, starts runs on triggers, walks each one, and waits for approvals. */
export const service = defineService({
  name: 'playbook-orchestrator',
  port: 8084,
  config: Type.Object({}),
  entities: [CaseFactsRow, ConnectionCopy, ManifestCopy, PlaybookVersionRow, PublishedKey, RunRow, RunStepRow],
  migrations: [OrchestratorTables1764000000000],
  projections: ({ jobs }) => [new PlaybooksProjection(jobs), new RunsProjection(jobs)],
  module: ({ metrics, database }) => {
    observeOpenRuns(metrics, database);
    return {
      module: PlaybookOrchestratorModule,
      controllers: [
        PlaybooksController,
        RunsController,
        CaseReaction,
        ApprovalReaction,
        ActionReaction,
        ConnectionReaction,
        PolicyReaction,
        ErasureReaction,
      ],
      providers: [
        CaseFacts,
        ConnectionCopies,
        ManualRuns,
        PastStates,
        PlaybookLibrary,
        PlaybookQueries,
        RunConductor,
        RunDeadlines,
        RunQueries,
        WarrantCheck,
      ],
    };
  },
});
