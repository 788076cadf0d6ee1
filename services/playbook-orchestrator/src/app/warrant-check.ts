import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ActionRequest, SigningKey, WarrantClaims } from '#contracts/action';
import { databaseNow } from '#libs/read-model';
import { SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { actionDigest, KeyRing, loadRootPublicKey, verifyWarrant } from '#libs/warrant';
import { PublishedKey } from '../read/published-key.entity';

/** Checks the warrants that the approval service gives, against this service's own copy of its keys. */
@Injectable()
export class WarrantCheck {
  private ring: KeyRing | undefined;

  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
  ) {}

  /** A key that the pinned root does not vouch for never enters: DomainError('signing_key_invalid'). */
  async keep(eventId: string, key: SigningKey): Promise<void> {
    const ring = new KeyRing(await loadRootPublicKey(this.context.settings));
    ring.add(key);
    await this.database.getRepository(PublishedKey).upsert({ eventId, key }, ['eventId']);
    this.ring = undefined;
  }

  /**
   * The claims of a warrant that allows exactly this request, now.
   * @param disruptive whether the action needs a human; the connector service checks it once more.
   * @throws what `verifyWarrant` throws.
   */
  async verify(tenant: string, request: ActionRequest, warrant: string, disruptive: boolean): Promise<WarrantClaims> {
    const expectation = {
      tenant,
      actionId: request.actionId,
      digest: actionDigest(tenant, request),
      now: await databaseNow(this.database),
      requireApprover: disruptive,
    };
    try {
      return verifyWarrant(warrant, { ...expectation, keys: await this.keys(false) });
    } catch {
      // Another instance may have taken a key in since: the table decides.
      return verifyWarrant(warrant, { ...expectation, keys: await this.keys(true) });
    }
  }

  private async keys(fresh: boolean): Promise<KeyRing> {
    if (this.ring !== undefined && !fresh) return this.ring;
    const ring = new KeyRing(await loadRootPublicKey(this.context.settings));
    for (const { key } of await this.database.getRepository(PublishedKey).find()) ring.add(key);
    this.ring = ring;
    return ring;
  }
}
