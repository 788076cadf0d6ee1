import { connect } from 'node:net';

/** ApiVersions, version 0, correlation id 1, no client id: what every Kafka client asks first. */
const API_VERSIONS = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
const TIMEOUT_MS = 2_000;

/** Whether a Kafka broker answers there. A port that accepts connections alone is not yet one. */
export function answersKafka(port: number, host = '127.0.0.1'): Promise<boolean> {
  return exchange(host, port, (socket, end) => {
    socket.write(API_VERSIONS);
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 8) end(received.readInt32BE(4) === 1);
    });
  });
}

/** Whether something listens there: all that can be told of a broker that wants TLS. */
export function acceptsConnections(port: number, host: string): Promise<boolean> {
  return exchange(host, port, (_, end) => end(true));
}

function exchange(
  host: string,
  port: number,
  onConnect: (socket: ReturnType<typeof connect>, end: (answer: boolean) => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => onConnect(socket, end));
    for (const event of ['error', 'timeout', 'close']) socket.once(event, () => end(false));
  });
}
