import { createHash } from 'node:crypto';
import type { ActionManifest } from '#contracts/action';
import { canonicalJson } from '#libs/event-store';
import { chatConnector } from './chat.connector';
import type { Connector } from './connector';
import { firewallConnector } from './firewall.connector';
import { httpConnector } from './http.connector';
import { identityConnector } from './identity.connector';
import { intelConnector } from './intel.connector';
import { ticketingConnector } from './ticketing.connector';

const CONNECTORS: readonly Connector[] = [
  chatConnector,
  ticketingConnector,
  firewallConnector,
  identityConnector,
  intelConnector,
  httpConnector,
];

export interface CatalogueEntry extends Connector {
  /** SHA-256 over the manifest's canonical form. */
  readonly version: string;
}

/** Every connector of this release by its name. */
export const CONNECTOR_CATALOGUE: ReadonlyMap<string, CatalogueEntry> = new Map(
  CONNECTORS.map((connector) => [connector.manifest.connector, { ...connector, version: versionOf(connector) }]),
);

export function actionManifest(connector: Connector, action: string): ActionManifest | undefined {
  return connector.manifest.actions.find((candidate) => candidate.name === action);
}

function versionOf({ manifest }: Connector): string {
  return createHash('sha256').update(canonicalJson(manifest)).digest('hex');
}
