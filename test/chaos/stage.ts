import {
  registerConnections,
  registerSources,
  activatePlaybooks,
  type SourceTokens,
} from '../../services/demo/src/set-up';
import { DemoClients } from '../../services/demo/src/clients';
import { Narrator } from '../../services/demo/src/narrator';
import type { Site } from './site';
import { chaosPlaybooks } from './stage-files';

/** Everything that the load needs to be taken in and acted on. */
export interface Stage {
  readonly clients: DemoClients;
  readonly tokens: SourceTokens;
}

class Silent extends Narrator {
  override say(): void {}
}

/** Connections, sources and playbooks, by the people who do that. */
export async function setTheStage({ cluster, data, targets }: Site, sources: readonly string[]): Promise<Stage> {
  const clients = new DemoClients(cluster.gatewayUrl);
  await registerConnections(clients, targets, data);
  const tokens = await registerSources(clients, sources, data);
  await activatePlaybooks(clients, chaosPlaybooks(data), new Silent());
  return { clients, tokens };
}
