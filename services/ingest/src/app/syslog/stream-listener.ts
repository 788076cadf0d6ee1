import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { senderCertificate } from '../../adapters/syslog/certificate';
import { senderOf, type SyslogListener } from '../../domain/syslog-sender';
import type { MemoryBudget } from '../memory-budget';
import { sourceIdOf } from '../source-id';
import { SyslogConnection } from './syslog-connection';
import type { SyslogIntake } from './syslog-intake';
import type { SyslogMetrics } from './syslog-metrics';

const HANDSHAKE_MS = 10_000;
/** A sender whose machine has gone without a word is noticed after some such silences. Milliseconds. */
const KEEP_ALIVE_MS = 60_000;

/** Syslog over TCP (RFC 6587) and TLS (RFC 5425). */
export class StreamListener {
  private readonly server: Server;
  private readonly connections = new Map<SyslogConnection, Promise<void>>();

  constructor(
    private readonly listener: SyslogListener,
    private readonly intake: SyslogIntake,
    private readonly memory: MemoryBudget,
    private readonly metrics: SyslogMetrics,
  ) {
    this.server = this.createServer();
    this.server.maxConnections = listener.maxConnections;
    this.server.on('drop', () => metrics.refused(listener.name, 'connections'));
  }

  async start(): Promise<void> {
    this.server.listen({ host: this.listener.host, port: this.listener.port });
    await once(this.server, 'listening');
    // A connection that cannot be accepted ends no listener.
    this.server.on('error', () => this.metrics.refused(this.listener.name, 'connections'));
  }

  /** Resolves when what was read is durable, or given up. */
  async stop(): Promise<void> {
    this.server.close();
    for (const connection of this.connections.keys()) connection.stop();
    await Promise.all(this.connections.values());
  }

  private createServer(): Server {
    const { tls, name } = this.listener;
    if (tls === undefined)
      return createServer({ keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) => this.accept(socket));
    const server = createTlsServer(
      {
        key: tls.key,
        cert: tls.certificate,
        ca: tls.ca,
        requestCert: tls.ca !== undefined,
        rejectUnauthorized: tls.ca !== undefined,
        minVersion: 'TLSv1.2',
        handshakeTimeout: HANDSHAKE_MS,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      },
      (socket) => this.accept(socket),
    );
    server.on('tlsClientError', () => this.metrics.refused(name, 'tls'));
    return server;
  }

  private accept(socket: Socket | TLSSocket): void {
    const { name, senders } = this.listener;
    const certificate = 'getPeerX509Certificate' in socket ? socket.getPeerX509Certificate() : undefined;
    const sender = senderOf(senders, socket.remoteAddress ?? '', certificate && senderCertificate(certificate));
    if (sender === undefined) {
      this.metrics.refused(name, 'unknown_sender');
      socket.on('error', () => undefined).destroy();
      return;
    }
    const share = this.memory.open(sourceIdOf(sender.tenant, sender.source));
    const connection = new SyslogConnection(socket, this.listener, sender, share, this.metrics);
    const run = connection.run(this.intake).finally(() => {
      this.connections.delete(connection);
      this.metrics.connections(name, this.connections.size);
    });
    this.connections.set(connection, run);
    this.metrics.connections(name, this.connections.size);
  }
}
