import Type from 'typebox';
import { ConnectorManifest } from '../action';
import { AnyObject, Closed, Digest, Text } from '../schema';
import { eventContracts, type EventOf } from './event';

/** Streams `connection-manifest-<connector>` and `connection-<connectionId>`. */
export const connectionEvents = eventContracts('connection', {
  /** `version` is the SHA-256 over the manifest's canonical form. */
  ManifestPublished: Closed({ connector: Text(100), version: Digest, manifest: ConnectorManifest }),
  /** Registered or changed: `version` counts up. Settings hold `secret://` references, never secrets. */
  ConnectionRegistered: Closed({
    connectionId: Text(100),
    connector: Text(100),
    name: Text(200),
    version: Type.Integer({ minimum: 1 }),
    settings: AnyObject,
    /** `host` or `host:port`; nothing else may be reached, and private ranges only where listed. */
    allowedHosts: Type.Array(Text(300), { minItems: 1 }),
  }),
  ConnectionRemoved: Closed({ connectionId: Text(100), version: Type.Integer({ minimum: 1 }) }),
});
export type ConnectionEvent = EventOf<typeof connectionEvents>;
