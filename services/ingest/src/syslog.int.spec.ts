import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { AlertReceived, AlertRefused } from '#contracts/alert';
import { freePort } from '#libs/local';
import { reportNotRun } from '#libs/testing';
import { useIngestService } from './ingest-service.fixture';
import { hasOpenssl, TestAuthority } from './syslog-certificates.fixture';

const folder = mkdtempSync(join(tmpdir(), 'countersign-syslog-'));
afterAll(() => rmSync(folder, { recursive: true }));

const withTls = hasOpenssl();
if (!withTls) {
  reportNotRun({
    need: 'openssl',
    variable: 'REQUIRE_SHIPPERS',
    reason: 'No OpenSSL 3 for certificates: apt install openssl.',
  });
}
const ports = { udp: 0, tcp: 0, tls: 0 };
const host = '127.0.0.1';

const ingest = useIngestService(async () => {
  for (const protocol of ['udp', 'tcp', 'tls'] as const) ports[protocol] = await freePort();
  if (withTls) {
    const authority = new TestAuthority(folder, 'ca');
    authority.sign('server', ['DNS:localhost']);
    authority.sign('relay', ['DNS:relay.example.org']);
    authority.sign('stranger', ['DNS:stranger.example.org']);
    const other = new TestAuthority(folder, 'other-ca');
    other.sign('forged', ['DNS:relay.example.org']);
  }
  const tls = `
  - { name: tls, protocol: tls, port: ${ports.tls}, tls: { key: server.key, certificate: server.pem, ca: ca.pem },
      senders: [{ source: tls-relay, certificates: [relay.example.org] }] }`;
  const file = join(folder, 'syslog.yaml');
  writeFileSync(
    file,
    `listeners:
  - { name: udp, protocol: udp, port: ${ports.udp},
      senders: [{ source: udp-one, networks: [127.0.0.1] }, { source: udp-two, networks: [127.0.0.2/32] }] }
  - { name: tcp, protocol: tcp, port: ${ports.tcp}, maxConnections: 4,
      senders: [{ source: tcp-one, networks: [127.0.0.1] }, { source: nobody, networks: [127.0.0.2] }] }${withTls ? tls : ''}`,
  );
  return { INGEST_SYSLOG_FILE: file, INGEST_BUS_TIMEOUT_MS: '500' };
});

const sources: Record<string, string> = {};
beforeAll(async () => {
  for (const name of ['udp-one', 'udp-two', 'tcp-one', 'tls-relay']) {
    sources[name] = (await ingest().register(name)).source.id;
  }
});

const counted = (text: string): string => `${Buffer.byteLength(text)} ${text}`;

async function until<Value>(read: () => Promise<Value>, holds: (value: Value) => boolean): Promise<Value> {
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    await wait(20);
  }
}

const received = async (source: string) =>
  (await ingest().published(sources[source] ?? '')).map(({ data }) => data as unknown as AlertReceived & AlertRefused);
const arrived = (source: string, count: number) =>
  until(
    () => received(source),
    ({ length }) => length >= count,
  );
const titles = (alerts: readonly AlertReceived[]) => alerts.map(({ finding }) => finding.finding_info.title);
const metric = (name: string, labels: string) => async () =>
  (await ingest().metric(`countersign_syslog_${name}`))[labels] ?? 0;

async function open(localAddress = host): Promise<Socket> {
  const socket = connect({ host, port: ports.tcp, localAddress });
  // A receiver that hangs up with something unread resets the connection.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const closed = async (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

/** From here on the bus takes nothing, until the function is called that it returns. */
async function busTakesNothing(): Promise<() => Promise<void>> {
  const lock = await ingest().ownerPool().connect();
  await lock.query(`set idle_in_transaction_session_timeout = 0; begin; lock table bus.log in exclusive mode`);
  return async () => {
    await lock.query('rollback; reset idle_in_transaction_session_timeout');
    lock.release();
  };
}

/** Each message is one reception, however often its batch was tried. */
async function receipts(source: string): Promise<number> {
  const { rows } = await ingest()
    .ownerPool()
    .query<{ receipts: number }>(
      `select count(distinct message ->> 'id')::int as receipts from bus.log where message -> 'data' ->> 'sourceId' = $1`,
      [sources[source]],
    );
  return rows[0]?.receipts ?? 0;
}

describe('syslog over UDP', () => {
  it('belongs to the source that its sender is of, and to nobody where it is of none', async () => {
    const send = async (text: string, address: string) => {
      const socket = createSocket('udp4');
      socket.bind(0, address);
      await once(socket, 'listening');
      await new Promise((resolve) => socket.send(text, ports.udp, host, resolve));
      socket.close();
    };
    await send('<34>Nov 24 14:05:11 h su: first\n', host);
    await send('<34>Nov 24 14:05:11 h su: second', '127.0.0.2');
    await send('<34>Nov 24 14:05:11 h su: third', '127.0.0.3');
    expect(titles(await arrived('udp-one', 1))).toEqual(['first']);
    expect(titles(await arrived('udp-two', 1))).toEqual(['second']);
    await until(metric('refused_total', '{listener="udp",reason="unknown_sender"}'), (count) => count === 1);
    expect(await metric('messages_total', '{listener="udp"}')()).toBe(2);
    expect(await metric('kernel_dropped', '{listener="udp"}')()).toBe(0);
  });
});

describe('syslog over TCP', () => {
  it('takes lines and counted messages, and one that is too large costs its neighbours nothing', async () => {
    const socket = await open();
    const large = Buffer.alloc(9 * 1024 * 1024, 'x');
    socket.write(`<34>Nov 24 14:05:11 h su: one\n${counted('<34>Nov 24 14:05:11 h su: two\n')}`);
    socket.write(Buffer.concat([Buffer.from(`${large.length + 4} <34>`), large]));
    socket.end(counted('<34>Nov 24 14:05:11 h su: three'));
    const alerts = await arrived('tcp-one', 4);
    const accepted = alerts.filter(({ finding }) => finding !== undefined);
    expect(titles(accepted)).toEqual(['one', 'two', 'three']);
    expect(alerts.find(({ code }) => code === 'alert_too_large')?.original).toMatchObject({
      size: large.length + 4,
      truncated: true,
    });
    await until(metric('connections', '{listener="tcp"}'), (count) => count === 0);
  });

  it('is the same alert when it is sent again', async () => {
    const before = (await received('tcp-one')).length;
    for (let time = 0; time < 2; time += 1) (await open()).end('<34>Nov 24 14:05:12 h su: again\n');
    const [first, second] = (await arrived('tcp-one', before + 2)).slice(-2);
    expect(first?.alertId).toBe(second?.alertId);
    expect(first?.receiptId).not.toBe(second?.receiptId);
  });

  it('hangs up on senders that are nobody, of a source that is not registered, and on too many', async () => {
    const unknown = await open('127.0.0.3');
    await closed(unknown);
    const sourceless = await open('127.0.0.2');
    sourceless.write('<34>Nov 24 14:05:11 h su: a\n');
    await closed(sourceless);
    expect(await metric('refused_total', '{listener="tcp",reason="unknown_sender"}')()).toBe(1);
    expect(await metric('refused_total', '{listener="tcp",reason="source"}')()).toBe(1);
    const four = await Promise.all([open(), open(), open(), open()]);
    await until(metric('connections', '{listener="tcp"}'), (count) => count === 4);
    const fifth = await open();
    await closed(fifth);
    expect(await metric('refused_total', '{listener="tcp",reason="connections"}')()).toBe(1);
    four.forEach((socket) => socket.end());
    await until(metric('connections', '{listener="tcp"}'), (count) => count === 0);
  });

  it('counts what breaks off, and takes what came before', async () => {
    const before = (await received('tcp-one')).length;
    (await open()).end(`${counted('<34>Nov 24 14:05:13 h su: whole')}500 <34>Nov 24 14:05:13 h su: ha`);
    await arrived('tcp-one', before + 1);
    await until(metric('dropped_total', '{listener="tcp",reason="broken"}'), (count) => count === 1);
    expect(await received('tcp-one')).toHaveLength(before + 1);
  });

  it('holds its sender back while the bus takes nothing, and loses nothing of it', async () => {
    const before = (await received('tcp-one')).length;
    const count = 200;
    const text = 'x'.repeat(100_000);
    const release = await busTakesNothing();
    const read = metric('messages_total', '{listener="tcp"}');
    const readBefore = await read();
    const socket = await open();
    for (let number = 0; number < count; number += 1) socket.write(`<34>Nov 24 14:05:14 h su: ${number} ${text}\n`);
    socket.end();
    // Longer than a batch may wait for the bus elsewhere; nothing more is read meanwhile.
    const atFirst = await until(read, (messages) => messages > readBefore);
    await wait(1_500);
    const later = await read();
    expect(later - atFirst).toBeLessThan(100);
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(20 * 1024 * 1024);
    await release();
    expect(
      await until(
        () => receipts('tcp-one'),
        (number) => number >= before + count,
      ),
    ).toBe(before + count);
    expect(await metric('dropped_total', '{listener="tcp",reason="memory"}')()).toBe(0);
  });
});

(withTls ? describe : describe.skip)('syslog over TLS', () => {
  const secure = (name: string, more: ConnectionOptions = {}) => {
    const file = (end: string) => readFileSync(join(folder, `${name}.${end}`));
    const ca = readFileSync(join(folder, 'ca.pem'));
    const socket = connectTls({
      host,
      port: ports.tls,
      servername: 'localhost',
      ca,
      cert: file('pem'),
      key: file('key'),
      ...more,
    });
    return socket.on('error', () => undefined);
  };

  it('belongs to the source of the certificate', async () => {
    const socket = secure('relay');
    socket.end(counted('<34>Nov 24 14:05:11 h su: valid'));
    expect(titles(await arrived('tls-relay', 1))).toEqual(['valid']);
  });

  it('refuses a certificate of another name or another authority, none, and what is older than TLS 1.2', async () => {
    await closed(secure('stranger'));
    await until(metric('refused_total', '{listener="tls",reason="unknown_sender"}'), (count) => count === 1);
    await closed(secure('forged'));
    await closed(secure('relay', { cert: undefined, key: undefined }));
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    await closed(secure('relay', old));
    await until(metric('refused_total', '{listener="tls",reason="tls"}'), (count) => count === 3);
    expect(await received('tls-relay')).toHaveLength(1);
  });
});

describe('at the end', () => {
  it('what was read from a socket is durable before the service has stopped', async () => {
    const before = (await received('tcp-one')).length;
    const release = await busTakesNothing();
    const read = metric('messages_total', '{listener="tcp"}');
    const readBefore = await read();
    const socket = await open();
    for (let number = 0; number < 300; number += 1) socket.write(`<34>Nov 24 14:05:15 h su: last ${number}\n`);
    await until(read, (messages) => messages === readBefore + 300);
    const stopped = ingest().service.stop();
    await closed(socket);
    await release();
    await stopped;
    expect(await receipts('tcp-one')).toBe(before + 300);
  });
});
