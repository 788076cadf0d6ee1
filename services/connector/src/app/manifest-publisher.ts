import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { serviceActor } from '#contracts/envelope';
import { DEFAULT_TENANT } from '#contracts/identity';
import { eventContract } from '#contracts/events/index';
import { type EventStore, headOf } from '#libs/event-store';
import { type Clock, type JsonObject, newId } from '#libs/kernel';
import { CLOCK, EVENT_STORE } from '#libs/service';
import { CONNECTOR_CATALOGUE, type CatalogueEntry } from '../adapters/connectors/catalogue';

/** Tells the other services at every start what this release's connectors can do, where that has changed. */
@Injectable()
export class ManifestPublisher implements OnApplicationBootstrap {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    for (const entry of CONNECTOR_CATALOGUE.values()) await this.publish(entry);
  }

  /** A conflict means that another instance has just published: look again. */
  private async publish({ manifest, version }: CatalogueEntry): Promise<void> {
    const stream = `connection-manifest-${manifest.connector}`;
    for (;;) {
      const history = await this.store.readStream('connection', stream);
      if (history.at(-1)?.data['version'] === version) return;
      const type = 'ManifestPublished';
      const result = await this.store.append([
        {
          category: 'connection',
          stream,
          tenant: DEFAULT_TENANT,
          expected: headOf(history),
          events: [
            {
              id: newId(),
              type,
              schemaVersion: eventContract('connection', type)?.version ?? 1,
              time: this.clock.now().toISOString(),
              actor: serviceActor('connector'),
              data: { connector: manifest.connector, version, manifest: manifest as unknown as JsonObject },
              meta: { correlationId: newId() },
            },
          ],
        },
      ]);
      if (result.status === 'appended') return;
    }
  }
}
