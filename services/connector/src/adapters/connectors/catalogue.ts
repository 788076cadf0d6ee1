import { createHash } from 'node:crypto';
import Type, { type TSchema } from 'typebox';
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
  /** What `{settings}` of a connection must be. */
  readonly settingsSchema: TSchema;
  /** By action: what `{parameters}` of a request must be. */
  readonly parametersSchemas: ReadonlyMap<string, TSchema>;
}

/** Every connector of this release by its name. */
export const CONNECTOR_CATALOGUE: ReadonlyMap<string, CatalogueEntry> = new Map(
  CONNECTORS.map((connector) => [connector.manifest.connector, entryOf(connector)]),
);

export function actionManifest(connector: Connector, action: string): ActionManifest | undefined {
  return connector.manifest.actions.find((candidate) => candidate.name === action);
}

function entryOf(connector: Connector): CatalogueEntry {
  const { settings, actions } = connector.manifest;
  return {
    ...connector,
    version: versionOf(connector),
    settingsSchema: Type.Object({ settings: Type.Unsafe(settings) }),
    parametersSchemas: new Map(
      actions.map(({ name, input }) => [name, Type.Object({ parameters: Type.Unsafe(input) })]),
    ),
  };
}

function versionOf({ manifest }: Connector): string {
  return createHash('sha256').update(canonicalJson(manifest)).digest('hex');
}
