import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort, repositoryRoot } from '#libs/local';
import { reportNotRun } from '#libs/testing';
import { useIngestService } from '../../services/ingest/src/ingest-service.fixture';
import { hasOpenssl, TestAuthority } from '../../services/ingest/src/syslog-certificates.fixture';

const NAME = 'countersign.example.org';
const MESSAGES = 200;

/** A program of this machine, or of a package that was unpacked beside the one that it conflicts with. */
interface Shipper {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

function runs({ program, environment }: Shipper, ...options: readonly string[]): boolean {
  try {
    execFileSync(program, options, { env: { ...process.env, ...environment }, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function findRsyslog(): Shipper | undefined {
  const shipper = { program: 'rsyslogd', arguments: [], environment: {} };
  const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];
  const hasTls = folders.some((folder) => existsSync(join(folder, 'rsyslog', 'lmnsd_gtls.so')));
  return hasTls && runs(shipper, '-v') ? shipper : undefined;
}

/** Debian lets nobody install rsyslog and syslog-ng together: SYSLOG_NG_ROOT names a folder that its packages were unpacked into. */
function findSyslogNg(): Shipper | undefined {
  const unpacked = process.env['SYSLOG_NG_ROOT'] ?? join(__dirname, 'packages');
  const root = existsSync(unpacked) ? unpacked : '';
  const home = join(root, '/usr/lib/syslog-ng');
  if (!existsSync(home)) return undefined;
  const folders = ['usr/lib', 'lib'].map((folder) => join(root, folder));
  const libraries = folders.filter(existsSync).flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => join(folder, name)),
  );
  const modules = readdirSync(home).find((name) => /^\d+\.\d+$/.test(name)) ?? '';
  const shipper: Shipper = {
    program: root === '' ? 'syslog-ng' : join(root, 'usr/sbin/syslog-ng'),
    arguments: [`--module-path=${join(home, modules)}`],
    environment: root === '' ? {} : { LD_LIBRARY_PATH: [home, ...libraries].join(':') },
  };
  return runs(shipper, '--version') ? shipper : undefined;
}

function demand(shipper: Shipper | undefined, need: string, install: string): Shipper | undefined {
  const found = hasOpenssl() ? shipper : undefined;
  if (found === undefined) reportNotRun({ need, variable: 'REQUIRE_SHIPPERS', reason: `No ${need}: ${install}.` });
  return found;
}
const rsyslog = demand(findRsyslog(), 'rsyslog with TLS, and openssl', 'apt install rsyslog rsyslog-gnutls openssl');
const syslogNg = demand(
  findSyslogNg(),
  'syslog-ng, and openssl',
  'apt install openssl syslog-ng-core, or unpack that beside rsyslog as .ci/run does and name the folder by SYSLOG_NG_ROOT',
);

const folder = mkdtempSync(join(tmpdir(), 'countersign-relays-'));
const ports = { udp: 0, tcp: 0, tls: 0 };
const running: ChildProcess[] = [];

const ingest = useIngestService(async () => {
  for (const protocol of ['udp', 'tcp', 'tls'] as const) ports[protocol] = await freePort();
  if (hasOpenssl()) {
    const authority = new TestAuthority(folder, 'ca');
    authority.sign(NAME, [`DNS:${NAME}`, 'IP:127.0.0.1']);
    authority.sign('relay', ['DNS:relay.example.org']);
  }
  const files = hasOpenssl() ? `{ key: ${NAME}.key, certificate: ${NAME}.pem, ca: ca.pem }` : '';
  const tls = `  - { name: tls, protocol: tls, port: ${ports.tls}, tls: ${files}, senders: [{ source: relay, certificates: [relay.example.org] }] }`;
  writeFileSync(
    join(folder, 'syslog.yaml'),
    `listeners:
  - { name: udp, protocol: udp, port: ${ports.udp}, senders: [{ source: relay, networks: [127.0.0.1] }] }
  - { name: tcp, protocol: tcp, port: ${ports.tcp}, senders: [{ source: relay, networks: [127.0.0.1] }] }
${files === '' ? '' : tls}`,
  );
  return { INGEST_SYSLOG_FILE: join(folder, 'syslog.yaml') };
});

let source = '';
let publishedBefore = 0;
beforeAll(async () => {
  source = (await ingest().register('relay')).source.id;
});

afterAll(async () => {
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

/** The example of docs/alerts.md, with the addresses and files of this test. */
function documented(language: string, etc: string): string {
  const text = readFileSync(join(repositoryRoot, 'docs', 'alerts.md'), 'utf8');
  const [, example = ''] = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(text) ?? [];
  expect(example).toContain(NAME);
  return example
    .replaceAll(new RegExp(`(target=|syslog\\()"${NAME}"`, 'g'), '$1"127.0.0.1"')
    .replaceAll(etc, `${folder}/`)
    .replaceAll('6514', String(ports.tls))
    .replaceAll('5515', String(ports.tcp))
    .replaceAll('5514', String(ports.udp));
}

async function start({ program, arguments: own, environment }: Shipper, options: readonly string[], input: number) {
  const child = spawn(program, [...own, ...options], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  running.push(child);
  for (;;) {
    const socket = connect(input, '127.0.0.1');
    const isUp = await Promise.race([once(socket, 'connect').then(() => true), wait(500).then(() => false)]).catch(
      () => false,
    );
    socket.destroy();
    if (isUp) return;
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    await wait(50);
  }
}

/** What each listener has read since. */
async function readBy(): Promise<Record<string, number>> {
  const counts = await ingest().metric('countersign_syslog_messages_total');
  return Object.fromEntries(['udp', 'tcp', 'tls'].map((name) => [name, counts[`{listener="${name}"}`] ?? 0]));
}

async function send(input: number, program: string): Promise<void> {
  const socket = connect(input, '127.0.0.1');
  for (let number = 0; number < MESSAGES; number += 1) {
    const event =
      number % 2 === 0 ? `Failed password ${number}` : `CEF:0|V|P|1|9|Guessing ${number}|7|src=203.0.113.66`;
    socket.write(`<84>1 2026-11-24T14:05:11.5Z bastion-01 ${program} ${number} - - ${event}\n`);
  }
  socket.end();
}

/** By each way all messages come, whole, and as the same alerts where they say the same. */
async function expectAll(program: string, before: Readonly<Record<string, number>>, distinct: number): Promise<void> {
  for (;;) {
    const now = await readBy();
    if (Object.entries(now).every(([name, count]) => count - (before[name] ?? 0) >= MESSAGES)) break;
    await wait(100);
  }
  const onTheBus = async () => {
    const text = `select count(*)::int as count from bus.log where message -> 'data' ->> 'sourceId' = $1`;
    const { rows } = await ingest().ownerPool().query<{ count: number }>(text, [source]);
    return rows[0]?.count ?? 0;
  };
  while ((await onTheBus()) < publishedBefore + 3 * MESSAGES) await wait(100);
  const alerts = (await ingest().published(source)).slice(publishedBefore).map(({ data }) => data);
  publishedBefore += alerts.length;
  expect(alerts).toHaveLength(3 * MESSAGES);
  const now = await readBy();
  for (const [name, count] of Object.entries(now))
    expect([name, count - (before[name] ?? 0)]).toEqual([name, MESSAGES]);
  const formats = alerts.map(({ format }) => format);
  expect(formats.filter((format) => format === 'cef')).toHaveLength((3 * MESSAGES) / 2);
  expect(formats.filter((format) => format === 'syslog')).toHaveLength((3 * MESSAGES) / 2);
  expect(new Set(alerts.map(({ alertId }) => alertId)).size).toBe(distinct);
  const times = alerts.map(({ finding }) => Reflect.get(Object(finding), 'time'));
  expect(times.every((time) => Math.abs(Number(time) - Date.parse('2026-11-24T14:05:11Z')) < 1_000)).toBe(true);
  expect(alerts.find(({ format }) => format === 'syslog')).toMatchObject({
    finding: { severity_id: 3, evidences: [{ device: { hostname: 'bastion-01' }, process: { name: program } }] },
  });
}

(rsyslog ? describe : describe.skip)('rsyslog', () => {
  it('forwards here over TLS, TCP and UDP, as the documentation says', async () => {
    if (rsyslog === undefined) throw new Error('not there');
    const input = await freePort();
    const configuration = `global(workDirectory="${folder}" preserveFQDN="on")
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="${input}")
${documented('rsyslog', '/etc/rsyslog.d/')}`;
    const file = join(folder, 'rsyslog.conf');
    writeFileSync(file, configuration);
    const before = await readBy();
    await start(rsyslog, ['-n', '-f', file, '-i', join(folder, 'rsyslog.pid')], input);
    await send(input, 'sshd-rs');
    // Its RFC 3164 says all that its RFC 5424 does.
    await expectAll('sshd-rs', before, MESSAGES);
  });
});

(syslogNg ? describe : describe.skip)('syslog-ng', () => {
  it('forwards here over TLS, TCP and UDP, as the documentation says', async () => {
    if (syslogNg === undefined) throw new Error('not there');
    const input = await freePort();
    const state = join(folder, 'syslog-ng');
    mkdirSync(state);
    const destinations = ['d_countersign', 'd_countersign_lines', 'd_countersign_udp'];
    const configuration = `@version: 3.35
options { keep-hostname(yes); frac-digits(3); };
source s_test { network(ip("127.0.0.1") port(${input}) transport("tcp") flags(syslog-protocol)); };
${documented('syslog-ng', '/etc/syslog-ng/').replace('disk-buffer(', `disk-buffer(dir("${state}") `)}
log { source(s_test); ${destinations.map((name) => `destination(${name});`).join(' ')} };
`;
    const file = join(folder, 'syslog-ng.conf');
    writeFileSync(file, configuration);
    const places = ['persist-file', 'pidfile', 'control'].map((name) => `--${name}=${join(state, name)}`);
    const before = await readBy();
    await start(syslogNg, ['-F', '--no-caps', '-f', file, ...places], input);
    await send(input, 'sshd-ng');
    // By UDP in RFC 3164, with a time that has no zone.
    await expectAll('sshd-ng', before, 2 * MESSAGES);
  });
});
