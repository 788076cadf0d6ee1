import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Type, { type Static } from 'typebox';
import { Closed, Literals, Text } from '#contracts/schema';
import { DomainError } from '#libs/kernel';
import { parseSettings } from '#libs/service';
import { isOpenToOthers, parseNetworks, type SyslogListener } from '../../domain/syslog-sender';

const Names = Type.Array(Text(255), { minItems: 1, maxItems: 1_000 });

const SyslogFile = Closed({
  listeners: Type.Array(
    Closed({
      /** In metrics and logs. */
      name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,49}$' }),
      protocol: Literals('udp', 'tcp', 'tls'),
      host: Type.Optional(Text(255)),
      port: Type.Integer({ minimum: 1, maximum: 65_535 }),
      senders: Type.Array(
        Closed({
          source: Text(200),
          tenant: Type.Optional(Text(100)),
          networks: Type.Optional(Names),
          certificates: Type.Optional(Names),
        }),
        { minItems: 1, maxItems: 1_000 },
      ),
      tls: Type.Optional(Closed({ key: Text(1_000), certificate: Text(1_000), ca: Type.Optional(Text(1_000)) })),
      maxConnections: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
      idleSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800 })),
    }),
    { maxItems: 50 },
  ),
});
type Entry = Static<typeof SyslogFile>['listeners'][number];

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_TENANT = 'default';
const DEFAULT_CONNECTIONS = 500;
/** A receiver that hangs up costs a sender that does not notice a message: it takes a long silence. */
const DEFAULT_IDLE_SECONDS = 24 * 3_600;

/**
 * Where syslog is listened for, and who may send: a YAML file, read at the start. Paths in it are from where it lies.
 * @throws DomainError('invalid_configuration') naming the file and every wrong field.
 */
export function readSyslogListeners(path: string | undefined): SyslogListener[] {
  if (path === undefined) return [];
  const file = resolve(path);
  return parseSyslogListeners(textOf(file, file), file);
}

export function parseSyslogListeners(text: string, file: string): SyslogListener[] {
  const { listeners } = parseSettings(SyslogFile, text, (reason) => wrong(file, reason));
  const twice = listeners.find(({ name }, at) => listeners.findIndex((other) => other.name === name) < at);
  if (twice) throw wrong(file, `there are two listeners of the name ${twice.name}`);
  return listeners.map((entry, at) => {
    demandSense(entry, (reason) => wrong(file, `listeners[${at}]${reason}`));
    return listenerOf(entry, file);
  });
}

function demandSense({ protocol, tls, senders }: Entry, refuse: (reason: string) => DomainError): void {
  if ((protocol === 'tls') !== (tls !== undefined)) {
    throw refuse(protocol === 'tls' ? ' needs tls, with key and certificate' : `.tls is for the protocol tls alone`);
  }
  senders.forEach(({ networks = [], certificates }, at) => {
    try {
      parseNetworks(networks);
    } catch (error) {
      throw refuse(`.senders[${at}].networks: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (certificates !== undefined && tls?.ca === undefined) {
      throw refuse(`.senders[${at}].certificates needs tls.ca, by which certificates are verified`);
    }
  });
}

function listenerOf(entry: Entry, file: string): SyslogListener {
  const read = (path: string) => Buffer.from(textOf(resolve(dirname(file), path), file));
  const { tls } = entry;
  return {
    name: entry.name,
    protocol: entry.protocol,
    host: entry.host ?? DEFAULT_HOST,
    port: entry.port,
    senders: entry.senders.map(({ source, tenant = DEFAULT_TENANT, networks, certificates }) => ({
      ...{ source, tenant, networks, certificates },
    })),
    tls: tls && {
      key: read(tls.key),
      certificate: read(tls.certificate),
      ca: tls.ca === undefined ? undefined : read(tls.ca),
    },
    maxConnections: entry.maxConnections ?? DEFAULT_CONNECTIONS,
    idleSeconds: entry.idleSeconds ?? DEFAULT_IDLE_SECONDS,
  };
}

/** What the production profile refuses: a listener that takes what anybody sends. */
export function openListeners(listeners: readonly SyslogListener[]): string[] {
  return listeners
    .filter(({ host, senders }) => isOpenToOthers(host) && senders.some(isAnybody))
    .map(
      ({ name }) =>
        `INGEST_SYSLOG_FILE: the listener ${name} is not on loopback and has senders that are neither of named networks nor of named certificates: anybody could send in their name`,
    );
}

const isAnybody = ({ networks, certificates }: SyslogListener['senders'][number]): boolean =>
  networks === undefined && certificates === undefined;

function textOf(path: string, file: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw wrong(file, path === file ? 'cannot be read' : `${path} cannot be read`);
  }
}

function wrong(file: string, reason: string): DomainError {
  return new DomainError('invalid_configuration', { field: 'INGEST_SYSLOG_FILE', reason: `${file}: ${reason}` });
}
