import type { OnModuleInit } from '@nestjs/common';
import type { SigningKey } from '#contracts/action';
import { serviceActor } from '#contracts/envelope';
import { DEFAULT_TENANT } from '#contracts/identity';
import { execute, type EventStore } from '#libs/event-store';
import { newId } from '#libs/kernel';
import type { KeyPair } from '#libs/warrant';
import type { DatabaseClock } from '../adapters/database-clock';
import { signingKeysDecider } from '../domain/signing-keys.decider';

/**
 * Publishes this service's warrant key before it issues the first warrant, and the ends of those that it replaced: others
 * learn keys by events alone.
 */
export class SigningKeyPublication implements OnModuleInit {
  constructor(
    private readonly store: EventStore,
    private readonly clock: DatabaseClock,
    private readonly key: KeyPair,
    private readonly ended: () => Promise<readonly SigningKey[]>,
  ) {}

  async onModuleInit(): Promise<void> {
    for (const key of [...(await this.ended()), this.key.published]) await this.publish(key);
  }

  private async publish(publish: SigningKey): Promise<void> {
    await execute(
      this.store,
      signingKeysDecider,
      {
        category: 'policy',
        stream: 'policy-keys',
        tenant: DEFAULT_TENANT,
        actor: serviceActor('approval'),
        meta: { correlationId: newId() },
        time: await this.clock.now(),
      },
      { publish },
    );
  }
}
