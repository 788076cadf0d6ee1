import { join } from 'node:path';
import type { AlertReceived } from '#contracts/alert';
import { repositoryRoot } from '#libs/local';
import { readMappings } from '../../adapters/mapping-folder';
import { receive, type RawAlert, type Received } from '../alert-reception';
import { FormatRegistry } from '../../domain/formats/format-registry';
import { syslogEnvelope } from '../../domain/formats/syslog-event';

const formats = new FormatRegistry(readMappings(join(repositoryRoot, 'services', 'ingest', 'mappings')));

/** What becomes of one syslog message. */
export function receiveSyslog(message: string | Buffer | RawAlert): Received {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  const [received] = receive(
    Buffer.isBuffer(bytes) ? { bytes, size: bytes.length } : bytes,
    {
      tenant: 'default',
      sourceId: '0c3f2a52-7d3d-5c0e-9f2c-5b0f9f2f0001',
      source: 'relay',
      askedFormat: undefined,
      sourceFormat: undefined,
      envelope: syslogEnvelope,
    },
    formats,
    new Date('2026-11-24T15:00:00Z'),
  );
  if (received === undefined) throw new Error('nothing was received');
  return received;
}

/** One that is accepted. */
export function readSyslog(message: string | Buffer): {
  readonly format: string;
  readonly alert: AlertReceived;
  readonly aside: Buffer | undefined;
} {
  const received = receiveSyslog(message);
  if (received.kind !== 'accepted') throw received.error;
  return { format: received.alert.format, alert: received.alert, aside: received.aside };
}
