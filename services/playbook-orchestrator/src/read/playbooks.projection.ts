import type { EntityManager } from 'typeorm';
import type { PlaybookEvent } from '#contracts/events/playbook';
import type { RecordedEvent } from '#libs/event-store';
import { validatePlaybook } from '#libs/cacao';
import type { JobQueue } from '#libs/jobs';
import { deterministicId, type JsonObject } from '#libs/kernel';
import type { Projection } from '#libs/read-model';
import { stopRunsJob } from '../app/stop-runs-job';
import { PlaybookVersionRow } from './playbook-version.entity';

/** The approval that decides on a version's activation: the approval service derives the same id from the draft. */
export const activationApprovalId = (tenant: string, playbookId: string, digest: string): string =>
  deterministicId('activation', tenant, playbookId, digest);

/** Keeps the versions of playbooks; that a version was retired stops its runs, by a job of the same transaction. */
export class PlaybooksProjection implements Projection {
  readonly name = 'playbooks';
  readonly categories = ['playbook'] as const;
  readonly entities = [PlaybookVersionRow];

  constructor(private readonly jobs: Pick<JobQueue, 'schedule'>) {}

  async apply(events: readonly RecordedEvent[], tx: EntityManager): Promise<void> {
    for (const recorded of events) {
      // The ledger holds only what this service has written to the category, by the category's contract.
      const event = { type: recorded.type, data: recorded.data } as unknown as PlaybookEvent;
      if (event.type === 'PlaybookDrafted') await this.draft(recorded, event.data, tx);
      else await this.change(recorded, event, tx);
    }
  }

  private async draft(
    { tenant, time, version, actor }: RecordedEvent,
    data: (PlaybookEvent & { type: 'PlaybookDrafted' })['data'],
    tx: EntityManager,
  ): Promise<void> {
    const { playbookId, digest } = data;
    const known = await tx.findOneBy(PlaybookVersionRow, { tenant, playbookId, digest });
    const authors = [actor.id, ...(actor.behalfOf === undefined ? [] : [actor.behalfOf])];
    const at = new Date(time);
    const document = data.document as JsonObject;
    await tx.save(
      PlaybookVersionRow,
      known === null
        ? {
            ...{ tenant, playbookId, digest, document, authors },
            name: data.name,
            state: 'draft' as const,
            executable: validatePlaybook(document).executable,
            origin: data.origin,
            activationApprovalId: activationApprovalId(tenant, playbookId, digest),
            draftedAt: at,
            draftedVersion: version,
            activatedAt: null,
            retiredAt: null,
            reason: null,
            updatedAt: at,
          }
        : { ...known, authors: [...new Set([...known.authors, ...authors])], updatedAt: at },
    );
  }

  private async change(
    { tenant, time, id }: RecordedEvent,
    event: Exclude<PlaybookEvent, { type: 'PlaybookDrafted' }>,
    tx: EntityManager,
  ): Promise<void> {
    const { playbookId, digest } = event.data;
    const at = new Date(time);
    const versions = tx.getRepository(PlaybookVersionRow);
    switch (event.type) {
      case 'PlaybookActivated':
        await versions.update({ tenant, playbookId, state: 'active' }, { state: 'superseded', updatedAt: at });
        await versions.update({ tenant, playbookId, digest }, { state: 'active', activatedAt: at, updatedAt: at });
        return;
      case 'PlaybookActivationRefused': {
        const reason = REFUSALS[event.data.outcome];
        await versions.update({ tenant, playbookId, digest }, { state: 'refused', reason, updatedAt: at });
        return;
      }
      case 'PlaybookRetired': {
        const { reason } = event.data;
        await versions.update(
          { tenant, playbookId, digest },
          { state: 'retired', retiredAt: at, reason, updatedAt: at },
        );
        const job = { kind: 'playbook_retired', playbookId, digest, eventId: id } as const;
        await this.jobs.schedule([stopRunsJob(tenant, job)], tx);
      }
    }
  }
}

const REFUSALS = {
  denied: 'The activation was denied.',
  expired: 'Nobody decided on the activation in time.',
  not_executable: 'The activation was granted, but this release cannot run the playbook.',
} as const;
