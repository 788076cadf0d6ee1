import { Inject, Injectable } from '@nestjs/common';
import type { StateQuery, StreamState } from '#contracts/state';
import { type EventStore, foldRecorded, type RecordedEvent } from '#libs/event-store';
import type { Clock } from '#libs/kernel';
import { CLOCK, EVENT_STORE } from '#libs/service';
import { streamState } from '#libs/story';
import { playbookDecider } from '../domain/playbook.decider';
import { runDecider } from '../domain/run.decider';
import { playbookStream } from './playbook-library';

/** Runs and playbooks as they were at any past moment. */
@Injectable()
export class PastStates {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws DomainError('not_found' | 'invalid_field') */
  ofRun(tenant: string, runId: string, query: StateQuery): Promise<StreamState> {
    const fold = (events: readonly RecordedEvent[]) => {
      const state = foldRecorded(runDecider, events);
      return state.status === 'none' ? undefined : state;
    };
    const run = { category: 'run', stream: `run-${runId}`, tenant, fold, missing: `there is no run ${runId}` } as const;
    return streamState(this.store, run, query, this.clock.now());
  }

  /** @throws DomainError('not_found' | 'invalid_field') */
  ofPlaybook(tenant: string, playbookId: string, query: StateQuery): Promise<StreamState> {
    const fold = (events: readonly RecordedEvent[]) => {
      const state = foldRecorded(playbookDecider, events);
      return state.playbookId === undefined ? undefined : state;
    };
    const missing = `there is no playbook ${playbookId}`;
    const playbook = {
      category: 'playbook',
      stream: playbookStream(tenant, playbookId),
      tenant,
      fold,
      missing,
    } as const;
    return streamState(this.store, playbook, query, this.clock.now());
  }
}
