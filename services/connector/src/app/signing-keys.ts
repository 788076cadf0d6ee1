import { Controller, Inject, Injectable } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { DataSource } from 'typeorm';
import { SigningKey } from '#contracts/action';
import { BUS, done, type BusMessage, type Outcome } from '#libs/bus';
import { demandValid, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { KeyRing, loadRootPublicKey } from '#libs/warrant';
import { PublishedKey } from '../read/published-key.entity';

/** This service's copy of the keys that may sign warrants; a key that the pinned root does not vouch for never enters. */
@Injectable()
export class SigningKeyCopy {
  constructor(
    private readonly database: DataSource,
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
  ) {}

  /** The ring as of now: keys are few, and a warrant is checked once an action. */
  async ring(): Promise<KeyRing> {
    const ring = await this.emptyRing();
    for (const { key } of await this.database.getRepository(PublishedKey).find()) ring.add(key);
    return ring;
  }

  /** @throws DomainError('signing_key_invalid'): the message is dead. Kept, the key would make every later ring fail. */
  async keep(messages: readonly BusMessage[]): Promise<void> {
    const ring = await this.emptyRing();
    for (const { data, id } of messages) {
      demandValid(SigningKey, data, 'data');
      const key = data as SigningKey;
      ring.add(key);
      await this.database.getRepository(PublishedKey).upsert({ eventId: id, key }, ['eventId']);
    }
  }

  private async emptyRing(): Promise<KeyRing> {
    return new KeyRing(await loadRootPublicKey(this.context.settings));
  }
}

@Controller()
export class SigningKeysReaction {
  constructor(private readonly copy: SigningKeyCopy) {}

  @EventPattern('countersign.policy', BUS, { batch: 100 })
  async onPolicy(messages: BusMessage[]): Promise<Outcome[]> {
    await this.copy.keep(messages.filter((message) => message.type === 'SigningKeyPublished'));
    return messages.map(() => done);
  }
}
