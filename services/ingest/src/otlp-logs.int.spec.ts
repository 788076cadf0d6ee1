import { gzipSync } from 'node:zlib';
import type { ExportLogsResponse, OtlpStatus } from '#contracts/http/otlp';
import { ExportLogsServiceResponse, Status } from './app/otlp-messages';
import { useIngestService } from './ingest-service.fixture';

const ingest = useIngestService();
const published = async (sourceId: string) => (await ingest().published(sourceId)).map(({ data }) => data);

async function register(name: string) {
  const { source, token } = await ingest().register(name.toLowerCase().replaceAll(/\W+/g, '-'));
  const send = (body: RequestInit['body'], headers: Record<string, string> = {}) =>
    fetch(`${ingest().service.url}/v1/logs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body,
    });
  return { id: source.id, token, send };
}

const PROTOBUF = { 'content-type': 'application/x-protobuf' };
const inJson = async (answer: Response) => ({
  status: answer.status,
  body: (await answer.json()) as ExportLogsResponse & OtlpStatus,
});
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const request = (...logRecords: unknown[]) =>
  JSON.stringify({
    resourceLogs: [
      {
        resource: { attributes: [text('service.name', 'vpn'), text('host.name', 'vpn-gw-01')] },
        scopeLogs: [{ scope: { name: 'auth' }, logRecords }],
      },
    ],
  });
const record = (stringValue: string, more: object = {}) => ({
  timeUnixNano: '1795528800123456789',
  severityNumber: 17,
  body: { stringValue },
  ...more,
});

/** A field of protobuf that holds bytes. */
const field = (number: number, ...contents: Buffer[]): Buffer => {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([number * 8 + 2]), varint(content.length), content]);
};
const varint = (value: number): Buffer =>
  value < 0x80 ? Buffer.from([value]) : Buffer.concat([Buffer.from([(value % 0x80) + 0x80]), varint(value >> 7)]);

describe('POST /v1/logs', () => {
  it('keeps each record as a request of its own, the same in both encodings and whenever it is sent', async () => {
    const { id, send } = await register('both');
    const kept = record('same', { traceId: '5b8efff798038103d269b633813fc60c', attributes: [text('a', 'b')] });
    const sent = { ...kept, unknown: 1 };
    expect(await inJson(await send(request(sent)))).toEqual({ status: 200, body: {} });
    const attribute = (key: string, value: string) =>
      Buffer.concat([field(1, Buffer.from(key)), field(2, field(1, Buffer.from(value)))]);
    const time = Buffer.alloc(8);
    time.writeBigUInt64LE(1_795_528_800_123_456_789n);
    const log = [
      Buffer.from([0x09]),
      time,
      Buffer.from([0x10, 17]),
      field(5, field(1, Buffer.from('same'))),
      field(6, attribute('a', 'b')),
      field(9, Buffer.from('5b8efff798038103d269b633813fc60c', 'hex')),
    ];
    const scope = field(2, field(1, field(1, Buffer.from('auth'))), field(2, ...log));
    const resource = field(
      1,
      field(1, attribute('service.name', 'vpn')),
      field(1, attribute('host.name', 'vpn-gw-01')),
    );
    const body = new Uint8Array(field(1, resource, scope));
    for (let round = 0; round < 2; round += 1) {
      const answer = await send(body, PROTOBUF);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/x-protobuf']);
      expect(await answer.text()).toBe('');
    }
    const [json, protobuf, again] = await published(id);
    expect(protobuf).toMatchObject({
      finding: { time: 1_795_528_800_123, severity_id: 4, finding_info: { title: 'same' } },
      attack: [],
    });
    expect(JSON.parse(String(Object(protobuf?.['original'])['body']))).toEqual(JSON.parse(request(kept)));
    expect(json?.['original']).toMatchObject({ body: request(sent) });
    expect(again?.['alertId']).toBe(protobuf?.['alertId']);
    expect(again?.['digest']).toBe(protobuf?.['digest']);
  });

  it('says how many records were refused, and takes the others', async () => {
    const { id, send } = await register('partial');
    const answer = await inJson(
      await send(
        request(
          record('first'),
          { severityNumber: 9 },
          'no record',
          record('third', { timeUnixNano: 'soon' }),
          record('NUL \u0000'),
          record('last', { attributes: [{ key: 'n', value: { intValue: [] } }] }),
          record('last'),
        ),
      ),
    );
    expect(answer).toEqual({
      status: 200,
      body: {
        partialSuccess: { rejectedLogRecords: '5', errorMessage: expect.stringMatching(/^Log record 1: body /) },
      },
    });
    const fields = (await published(id)).map(
      ({ field: name, finding }) => name ?? Object(finding)['finding_info'].title,
    );
    expect(fields).toEqual([
      'first',
      'body',
      'logRecords[0]',
      'timeUnixNano',
      expect.stringMatching(/stringValue/),
      'attributes[0].value.intValue',
      'last',
    ]);
  });

  it('keeps the bytes of a record that is no protobuf, and takes its neighbours', async () => {
    const { id, send } = await register('partial protobuf');
    const log = (body: string) => field(2, field(5, field(1, Buffer.from(body))));
    const nested = Array.from({ length: 90 }).reduce<Buffer>(
      (inner) => field(5, field(1, inner)),
      field(1, Buffer.from('x')),
    );
    const bytes = field(
      1,
      field(2, log('one'), field(2, Buffer.from([0x2a, 0x7f])), log('two'), field(2, field(5, nested))),
    );
    const answer = await send(new Uint8Array(bytes), PROTOBUF);
    expect(answer.status).toBe(200);
    const response = ExportLogsServiceResponse.decode(Buffer.from(await answer.arrayBuffer())).toJSON();
    expect(response).toMatchObject({
      partialSuccess: { rejectedLogRecords: '2', errorMessage: expect.stringMatching(/no protobuf/) },
    });
    expect(await published(id)).toMatchObject([
      { finding: { finding_info: { title: 'one' } } },
      { code: 'invalid_field', field: 'logRecords', original: { body: Buffer.from([0x2a, 0x7f]).toString('utf8') } },
      { finding: { finding_info: { title: 'two' } } },
      { code: 'invalid_field' },
    ]);
  });

  it('reads the alert of a product from the attributes, where a collector puts it', async () => {
    const { id, send } = await register('attributes');
    const eve = { timestamp: '2026-11-24T14:00:00Z', event_type: 'alert', src_ip: '203.0.113.66' };
    const attributes = [
      ...Object.entries(eve).map(([key, value]) => text(key, value)),
      {
        key: 'alert',
        value: {
          kvlistValue: {
            values: [
              text('signature', 'S'),
              { key: 'signature_id', value: { intValue: '9' } },
              { key: 'severity', value: { intValue: 1 } },
            ],
          },
        },
      },
    ];
    expect((await send(request(record('a line', { attributes })))).status).toBe(200);
    expect(await published(id)).toMatchObject([{ format: 'suricata-eve', finding: { severity_id: 4 } }]);
  });

  it.each([
    ['', 'invalid_json'],
    ['{"resourceLogs": 1}', 'invalid_field: resourceLogs: '],
    [
      '{"resourceLogs": [{"scopeLogs": [{"logRecords": {}}]}]}',
      'invalid_field: resourceLogs[0].scopeLogs[0].logRecords: ',
    ],
    ['[]', 'invalid_field: (root): '],
    ['{', 'invalid_json'],
  ])('refuses the request %j as a whole', async (body, message) => {
    const { id, send } = await register(`malformed ${message} ${body.length}`);
    const answer = await inJson(await send(body));
    expect(answer).toEqual({ status: 400, body: { code: 3, message: expect.stringContaining(message) } });
    expect(await published(id)).toEqual([]);
  });

  it('answers errors in the encoding of the request', async () => {
    const { send, token } = await register('errors');
    const status = async (answer: Response) => [
      answer.status,
      answer.headers.get('content-type'),
      Status.decode(Buffer.from(await answer.arrayBuffer())).toJSON(),
    ];
    const broken = new Uint8Array([0x0a, 0x7f, 1]);
    const refusal = { code: 3, message: expect.stringMatching(/^invalid_field: body: It is no protobuf/) };
    expect(await status(await send(broken, PROTOBUF))).toEqual([400, PROTOBUF['content-type'], refusal]);
    const unzipped = await send(broken, { ...PROTOBUF, 'content-encoding': 'gzip' });
    expect(await status(unzipped)).toMatchObject([400, PROTOBUF['content-type'], { code: 3 }]);
    const large = new Uint8Array(gzipSync(Buffer.alloc(17 * 1024 * 1024)));
    const tooLarge = await send(large, { ...PROTOBUF, 'content-encoding': 'gzip' });
    expect(await status(tooLarge)).toMatchObject([413, PROTOBUF['content-type'], { code: 3 }]);
    expect(await status(await send(broken, { ...PROTOBUF, authorization: 'Bearer x' }))).toMatchObject([
      401,
      expect.anything(),
      { code: 16 },
    ]);
    expect(await inJson(await send(request(), { authorization: `Splunk ${token}` }))).toMatchObject({
      status: 401,
      body: { code: 16 },
    });
    expect(await inJson(await send('x', { 'content-type': 'text/plain' }))).toMatchObject({
      status: 415,
      body: { code: 3 },
    });
  });

  it('bounds how many records a request makes of few bytes', async () => {
    const { id, send } = await register('bounded');
    const tiny = new Uint8Array(
      field(1, field(2, Buffer.from([0x12, 0x00]), Buffer.alloc(400_000, Buffer.from([0x12, 0x00])))),
    );
    expect((await send(tiny, PROTOBUF)).status).toBe(413);
    const shared = { attributes: [text('shared', 'x'.repeat(100_000))] };
    const logRecords = Array.from({ length: 5_000 }, () => record('r'));
    const repeated = JSON.stringify({ resourceLogs: [{ resource: shared, scopeLogs: [{ logRecords }] }] });
    expect(await inJson(await send(repeated))).toMatchObject({ status: 413, body: { code: 3 } });
    expect(await published(id)).toEqual([]);
  });

  it('asks to come again later where the source is over its limit', async () => {
    const { send } = await register('throttled');
    await ingest().asRoot('PATCH', '/v1/sources/throttled', { alertsPerSecond: 1 });
    expect((await send(request(record('1'), record('2'), record('3')))).status).toBe(200);
    const answer = await send(request(record('4')));
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(await inJson(answer)).toMatchObject({ status: 429, body: { code: 8 } });
  });
});
