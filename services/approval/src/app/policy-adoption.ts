import type { OnModuleInit } from '@nestjs/common';
import { serviceActor } from '#contracts/envelope';
import { DEFAULT_TENANT } from '#contracts/identity';
import type { StateQuery, StreamState } from '#contracts/state';
import { execute, foldRecorded, type EventStore } from '#libs/event-store';
import { newId } from '#libs/kernel';
import { streamState } from '#libs/story';
import type { DatabaseClock } from '../adapters/database-clock';
import type { Policy } from '../domain/policy';
import { policyDecider } from '../domain/policy.decider';

/** Of the installation: every tenant is decided by it. */
const POLICY = { category: 'policy', stream: 'policy-document', tenant: DEFAULT_TENANT } as const;

/** Records what this service decides by before it decides anything, so that an auditor finds what held at the time. */
export class PolicyAdoption implements OnModuleInit {
  constructor(
    private readonly store: EventStore,
    private readonly clock: DatabaseClock,
    private readonly policy: Policy,
  ) {}

  async onModuleInit(): Promise<void> {
    const { version, ...rest } = this.policy;
    const actor = serviceActor('approval');
    const meta = { correlationId: newId() };
    const command = { version, policy: JSON.parse(JSON.stringify(rest)) };
    await execute(this.store, policyDecider, { ...POLICY, actor, meta, time: await this.clock.now() }, command);
  }

  async state(query: StateQuery): Promise<StreamState> {
    const policy = {
      ...POLICY,
      fold: (events: Parameters<typeof foldRecorded>[1]) => foldRecorded(policyDecider, events),
      missing: 'No policy has been adopted yet.',
    };
    return streamState(this.store, policy, query, await this.clock.now());
  }
}
