import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '#libs/local';
import { reportNotRun } from '#libs/testing';
import { useIngestService } from '../../services/ingest/src/ingest-service.fixture';

/** Debian's rsyslog with its output to Elasticsearch, as it is installed. */
function isInstalled(): boolean {
  try {
    const version = execFileSync('rsyslogd', ['-v'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const folders = [
      '/usr/lib/x86_64-linux-gnu/rsyslog',
      '/usr/lib/aarch64-linux-gnu/rsyslog',
      '/usr/lib64/rsyslog',
      '/usr/lib/rsyslog',
    ];
    return version.includes('rsyslogd') && folders.some((folder) => existsSync(join(folder, 'omelasticsearch.so')));
  } catch {
    return false;
  }
}

const installed = isInstalled();
if (!installed) {
  const reason = 'No rsyslog with omelasticsearch: apt install rsyslog rsyslog-elasticsearch.';
  reportNotRun({ need: 'rsyslog with omelasticsearch', variable: 'REQUIRE_SHIPPERS', reason });
}

const ingest = useIngestService();
let rsyslog: ChildProcess | undefined;
const folder = mkdtempSync(join(tmpdir(), 'countersign-rsyslog-'));

afterAll(async () => {
  if (rsyslog !== undefined && rsyslog.exitCode === null) {
    const ended = once(rsyslog, 'exit');
    rsyslog.kill();
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

const configuration = (url: string, token: string, port: number): string => `
global(workDirectory="${folder}")
module(load="imtcp")
module(load="omelasticsearch")
input(type="imtcp" address="127.0.0.1" port="${port}")
template(name="document" type="string" string="{\\"@timestamp\\":\\"%timereported:::date-rfc3339%\\",\\"message\\":\\"%msg:::json%\\",\\"host\\":{\\"name\\":\\"%hostname:::json%\\"},\\"log\\":{\\"level\\":\\"%syslogseverity-text%\\"}}")
action(type="omelasticsearch" server="${url}/elastic" searchIndex="syslog" searchType="" template="document" bulkmode="on"
  uid="rsyslog" pwd="${token}" errorFile="${folder}/errors" action.resumeRetryCount="-1" queue.type="LinkedList" queue.dequeueBatchSize="100")
`;

async function startRsyslog(token: string): Promise<number> {
  const port = await freePort();
  const file = join(folder, 'rsyslog.conf');
  writeFileSync(file, configuration(ingest().service.url, token, port));
  rsyslog = spawn('rsyslogd', ['-n', '-f', file, '-i', join(folder, 'pid')], { stdio: 'ignore' });
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await Promise.race([once(socket, 'connect').then(() => true), wait(500).then(() => false)]).catch(
      () => false,
    );
    socket.destroy();
    if (isUp) return port;
    await wait(50);
  }
}

(installed ? describe : describe.skip)('rsyslog, writing to Elasticsearch', () => {
  it('writes here', async () => {
    const { source, token } = await ingest().register('rsyslog');
    const port = await startRsyslog(token);
    const socket = connect(port, '127.0.0.1');
    for (let number = 0; number < 300; number += 1) {
      socket.write(`<84>1 2026-11-24T14:05:11Z bastion-01 sshd ${number} - - Failed password "${number}" for root\n`);
    }
    socket.end();
    const read = async () => (await ingest().published(source.id)).map(({ data }) => data);
    for (;;) {
      if ((await read()).length >= 300) break;
      await wait(100);
    }
    const received = await read();
    expect(existsSync(join(folder, 'errors')) ? readFileSync(join(folder, 'errors'), 'utf8') : '').toBe('');
    expect(received).toHaveLength(300);
    expect(new Set(received.map(({ alertId }) => alertId)).size).toBe(300);
    expect(received[0]).toMatchObject({
      format: 'elastic-document',
      finding: {
        time: Date.parse('2026-11-24T14:05:11Z'),
        severity_id: 3,
        finding_info: { title: 'Failed password "0" for root' },
        evidences: [{ device: { hostname: 'bastion-01' } }],
      },
    });
  });
});
