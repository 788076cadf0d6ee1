import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
}

/** Passes bytes on between whoever connects and one port, until it is told to cut. */
export class TcpProxy {
  private readonly pairs = new Set<Pair>();
  private cutsLeft = 0;
  /** How often a connection was cut, at once or in the middle of a response. */
  cuts = 0;

  private constructor(
    private readonly server: Server,
    readonly target: number,
  ) {}

  static async to(target: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server, target);
    server.on('connection', (client) => proxy.join(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    // A server that listens on a host and port has an AddressInfo.
    return (this.server.address() as AddressInfo).port;
  }

  /** Every connection that is open now. */
  cutAll(): void {
    for (const pair of this.pairs) this.cut(pair);
  }

  /** The next `count` responses are passed on in part, and both ends then lose the connection. */
  cutResponses(count: number): void {
    this.cutsLeft = count;
  }

  heal(): void {
    this.cutsLeft = 0;
  }

  async close(): Promise<void> {
    for (const pair of this.pairs) this.cut(pair);
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: Socket): void {
    const upstream = connect({ host: '127.0.0.1', port: this.target });
    const pair = { client, upstream };
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => this.answer(pair, chunk));
    client.on('drain', () => upstream.resume());
  }

  private answer(pair: Pair, chunk: Buffer): void {
    const { client, upstream } = pair;
    if (this.cutsLeft > 0) {
      this.cutsLeft -= 1;
      client.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => this.cut(pair));
      upstream.pause();
      return;
    }
    if (!client.write(chunk)) upstream.pause();
  }

  private cut({ client, upstream }: Pair): void {
    this.cuts += 1;
    client.destroy();
    upstream.destroy();
  }
}
