import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { serviceActor } from '#contracts/envelope';
import { DEFAULT_TENANT } from '#contracts/identity';
import { execute } from '#libs/event-store';
import { deterministicId, newId } from '#libs/kernel';
import { SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { setTimeout as wait } from 'node:timers/promises';
import { DatasetFolder, type DatasetChange } from '../adapters/dataset-folder';
import { datasetDecider, type DatasetCommand } from '../domain/dataset.decider';
import type { LocalList } from '../domain/local-list';

export interface ListSettings {
  readonly COUNTERSIGN_DATASETS_DIR: string;
  readonly DATASETS_POLL_MS: number;
}

/** The lists that alerts are looked up in now. They are complete before the first alert is taken. */
@Injectable()
export class LocalLists implements OnModuleInit {
  private readonly lists = new Map<string, LocalList>();
  private readonly folder: DatasetFolder;
  /** What could not be recorded yet: it is tried again with the next look. */
  private unrecorded: DatasetChange[] = [];

  constructor(@Inject(SERVICE_CONTEXT) private readonly context: ServiceContext<ListSettings>) {
    this.folder = new DatasetFolder(context.config.COUNTERSIGN_DATASETS_DIR);
  }

  async onModuleInit(): Promise<void> {
    await this.look();
    void this.follow();
  }

  current(): LocalList[] {
    return [...this.lists.values()];
  }

  /** Takes over what has changed in the folder. A file that is refused leaves its earlier version in use. */
  async look(): Promise<void> {
    const changes = await this.folder.changes();
    for (const change of changes) {
      if (change.kind === 'loaded') this.lists.set(change.name, change.list);
      if (change.kind === 'removed') this.lists.delete(change.name);
      this.tell(change);
    }
    this.unrecorded.push(...changes);
    while (this.unrecorded[0] !== undefined) {
      await this.record(this.unrecorded[0]);
      this.unrecorded.shift();
    }
  }

  private async follow(): Promise<void> {
    const { stopping, logger, config } = this.context;
    while (!stopping.aborted) {
      // Ends early when the service stops, and then rejects.
      await wait(config.DATASETS_POLL_MS, undefined, { signal: stopping, ref: false }).catch(() => undefined);
      if (stopping.aborted) return;
      await this.look().catch((error: unknown) =>
        logger.error({ err: error }, 'the data sets cannot be read or recorded'),
      );
    }
  }

  private async record(change: DatasetChange): Promise<void> {
    const { store, clock } = this.context;
    const datasetId = deterministicId('dataset', DEFAULT_TENANT, change.name);
    await execute(
      store,
      datasetDecider,
      {
        category: 'dataset',
        stream: `dataset-${datasetId}`,
        tenant: DEFAULT_TENANT,
        actor: serviceActor('enrichment'),
        meta: { correlationId: newId() },
        time: clock.now(),
      },
      commandOf(change, datasetId),
    );
  }

  private tell(change: DatasetChange): void {
    const { logger } = this.context;
    const { kind, name } = change;
    if (kind === 'loaded') logger.info({ dataset: name, entries: change.list.entries }, 'a data set was loaded');
    else if (kind === 'refused') logger.warn({ dataset: name, reason: change.reason }, 'a data set was refused');
    else logger.info({ dataset: name }, 'a data set was removed');
  }
}

function commandOf(change: DatasetChange, datasetId: string): DatasetCommand {
  const { name } = change;
  switch (change.kind) {
    case 'loaded': {
      const { kind, entries } = change.list;
      return { type: 'LoadDataset', datasetId, name, kind, entries, digest: change.digest };
    }
    case 'refused':
      return { type: 'RefuseDataset', datasetId, name, reason: change.reason.slice(0, 2000).toWellFormed() };
    case 'removed':
      return { type: 'RemoveDataset', datasetId, name };
  }
}
