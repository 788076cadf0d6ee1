import { gzipSync } from 'node:zlib';
import { HEC_ANSWERS, type HecCode } from '#contracts/http/splunk-hec';
import type { JsonObject } from '#libs/kernel';
import { useIngestService } from './ingest-service.fixture';

const ingest = useIngestService();
const asRoot = (method: string, path: string, body: JsonObject) => ingest().asRoot(method, path, body);
const published = (sourceId: string) => ingest().published(sourceId);

interface Answer {
  readonly status: number;
  readonly body: JsonObject;
}

async function call(method: string, path: string, headers: Record<string, string>, body?: RequestInit['body']) {
  const answer = await fetch(`${ingest().service.url}${path}`, { method, headers, body });
  return { status: answer.status, body: JSON.parse(await answer.text()) } satisfies Answer;
}

/** A source, and how it speaks to the collector. */
async function register(name: string, format?: string) {
  const { source, token } = await ingest().register(name, format);
  const send = (path: string, content: RequestInit['body'], headers: Record<string, string> = {}) =>
    call('POST', `/services/collector${path}`, { authorization: `Splunk ${token}`, ...headers }, content);
  const configure = (changes: JsonObject) => asRoot('PATCH', `/v1/sources/${name}`, changes);
  return { id: source.id, token, send, configure };
}

const answered = (code: HecCode, more: JsonObject = {}): Answer => ({
  status: HEC_ANSWERS[code].status,
  body: { text: HEC_ANSWERS[code].text, code, ...more },
});
const CHANNEL = 'fe0ecfad-13d5-401b-847d-77833bd77131';
const withChannel = { 'x-splunk-request-channel': CHANNEL };
const event = (event: unknown, more: JsonObject = {}) => JSON.stringify({ event, ...more });

const findings = async (sourceId: string) =>
  (await published(sourceId)).map(({ data }) => ({ format: data.format, finding: data.finding, code: data.code }));

describe('who sends', () => {
  it('is told what is wrong with the token, in the words of Splunk', async () => {
    const { token } = await register('tokens');
    const ask = (authorization?: string, query = '') =>
      call(
        'POST',
        `/services/collector/event${query}`,
        authorization === undefined ? {} : { authorization },
        event('x'),
      );
    expect(await ask()).toEqual(answered(2));
    expect(await ask('')).toEqual(answered(2));
    expect(await ask('Splunk')).toEqual(answered(3));
    expect(await ask(`Bearer ${token}`)).toEqual(answered(3));
    expect(await ask('Basic !!!')).toEqual(answered(3));
    expect(await ask('Splunk 0b1c')).toEqual(answered(4));
    expect(await ask(`Splunk cs_src_${'a'.repeat(43)}`)).toEqual(answered(4));
    expect(await ask(`Splunk ${token}`)).toEqual(answered(0));
    expect(await ask(`Basic ${Buffer.from(`x:${token}`).toString('base64')}`)).toEqual(answered(0));
    await asRoot('POST', '/v1/sources/tokens/disable', { reason: 'retired' });
    expect(await ask(`Splunk ${token}`)).toEqual(answered(1));
  });

  it('may send the token in the query only where the source allows it', async () => {
    const { token, configure } = await register('query');
    const ask = (query: string) => call('POST', `/services/collector/event${query}`, {}, event('x'));
    expect(await ask(`?token=${token}`)).toEqual(answered(16));
    expect(await ask('?token=nonsense')).toEqual(answered(4));
    expect((await configure({ hecQueryToken: true })).body).toMatchObject({ settings: { hecQueryToken: true } });
    expect(await ask(`?token=${token}`)).toEqual(answered(0));
  });
});

describe('events', () => {
  it.each(['', '/1.0', '/event', '/event/1.0'])('are taken at /services/collector%s', async (path) => {
    const { id, send } = await register(`path${path.replaceAll('/', '-')}`);
    const notable = { event_id: 'n-1', search_name: 'S', urgency: 'high' };
    expect(await send(path, event(notable, { time: 1795528800.123, host: 'h' }))).toEqual(answered(0));
    expect(await findings(id)).toMatchObject([{ format: 'splunk-notable', finding: { severity_id: 4 } }]);
  });

  it('stand one after the other, with anything or nothing between them, also with gzip and without a content type', async () => {
    const { id, send } = await register('batches');
    const batch = `${event({ event_id: 'a', rule_name: 'A' })}${event('plain {"text')}\r\n\t ${event({ x: '}{"' })}\n`;
    expect(await send('/event', batch)).toEqual(answered(0));
    expect(await send('', new Uint8Array(gzipSync(batch)), { 'content-encoding': 'gzip' })).toEqual(answered(0));
    const formats = ['splunk-notable', 'hec-event', 'hec-event'];
    const messages = await published(id);
    expect(messages.map(({ data }) => data.format)).toEqual([...formats, ...formats]);
    // What is sent again is the same alert.
    expect(new Set(messages.map(({ key }) => key)).size).toBe(3);
  });

  it('that are of no format become findings, with what the collector is told about them', async () => {
    const { id, send } = await register('plain');
    const log = event(
      { message: 'Password guessing', severity: 'critical', src_ip: '203.0.113.9' },
      { time: '1795528800.5', host: 'vpn-gw-01', source: 'vpn.log', sourcetype: 'vpn', fields: { a: 'b' } },
    );
    expect(await send('/event', log + event('sshd: failed\nmore'))).toEqual(answered(0));
    expect(await findings(id)).toMatchObject([
      {
        format: 'hec-event',
        finding: {
          time: 1_795_528_800_500,
          severity_id: 5,
          finding_info: { title: 'Password guessing' },
          metadata: { product: { name: 'vpn', vendor_name: 'Splunk' } },
          evidences: [{ src_endpoint: { ip: '203.0.113.9' }, device: { hostname: 'vpn-gw-01' } }],
        },
      },
      { finding: { finding_info: { title: 'sshd: failed', desc: 'sshd: failed\nmore' } } },
    ]);
  });

  it('that hold the text of an alert are that alert, in the format of the source', async () => {
    const { id, send } = await register('text', 'splunk-notable');
    const notable = { event_id: 'n-2', search_name: 'S' };
    expect(await send('/event', event(JSON.stringify(notable)) + event(notable))).toEqual(answered(0));
    const messages = await published(id);
    expect(messages.map(({ data }) => data.format)).toEqual(['splunk-notable', 'splunk-notable']);
    expect(messages[0]?.key).toBe(messages[1]?.key);
  });

  it.each<[string, string, HecCode, number]>([
    ['no event', `${event('a')}{"host":"h"}${event('b')}`, 12, 1],
    ['a blank event', `${event('')}${event('b')}`, 13, 0],
    ['null', `${event(null)}${event('b')}`, 13, 0],
    ['text that is no JSON', `${event('a')}${event('b')}{"event": tru}${event('c')}`, 6, 2],
    ['half an object', `${event('a')}{"event": "b`, 6, 1],
    ['something else between', `${event('a')} nonsense ${event('b')}`, 6, 1],
    ['a list', `[${event('a')}]`, 6, 0],
    ['a time that is none', event('a', { time: 'yesterday' }), 6, 0],
    ['NUL', event('a', { host: 'h\0' }), 6, 0],
  ])('with %s are refused by their number, and kept', async (name, body, code, number) => {
    const { id, send } = await register(`bad-${name.replaceAll(/\W/g, '-')}`);
    expect(await send('/event', body)).toEqual(answered(code, { 'invalid-event-number': number }));
    const messages = await published(id);
    expect(messages[number]).toMatchObject({ type: 'AlertRefused' });
    expect(messages.filter(({ type }) => type === 'AlertReceived').length).toBe(messages.length - 1);
  });

  it('that are none at all, or in no encoding that is known, are refused', async () => {
    const { send } = await register('nothing');
    expect(await send('/event', '')).toEqual(answered(5));
    expect(await send('/event', ' \n ')).toEqual(answered(5));
    expect(await send('/raw', '\n\n')).toEqual(answered(5));
    expect(await send('/event', 'x', { 'content-encoding': 'gzip' })).toEqual(answered(6));
    expect(await send('/event', 'x', { 'content-encoding': 'br' })).toEqual(answered(6));
  });
});

describe('raw lines', () => {
  it.each(['/raw', '/raw/1.0'])('are an event each at /services/collector%s', async (path) => {
    const { id, send } = await register(`raw${path.replaceAll('/', '-')}`);
    const eve = '{"timestamp":"2026-11-24T14:00:00Z","event_type":"alert","alert":{"signature_id":1,"signature":"S"}}';
    const body = Buffer.concat([Buffer.from(`a line\r\n${eve}\n`), Buffer.from([0xff, 0xfe, 0x0a])]);
    const answer = await send(`${path}?host=fw-1&sourcetype=fw&channel=${CHANNEL}`, new Uint8Array(body));
    expect(answer).toEqual(answered(6, { 'invalid-event-number': 2 }));
    expect(await findings(id)).toMatchObject([
      {
        format: 'hec-event',
        finding: { finding_info: { title: 'a line' }, evidences: [{ device: { hostname: 'fw-1' } }] },
      },
      { format: 'suricata-eve' },
      { code: 'invalid_character' },
    ]);
  });
});

describe('acknowledgements', () => {
  const asked = (acks: unknown) => JSON.stringify({ acks });

  it('are given with a channel, for that channel of that source alone, and for good', async () => {
    const { id, send } = await register('acks');
    const other = await register('acks-other');
    expect((await send('/event', event('a'))).body).not.toHaveProperty('ackId');
    const { status, body } = await send('/event', event('b'), withChannel);
    expect(status).toBe(200);
    const ackId = body.ackId as number;
    expect(Number.isSafeInteger(ackId)).toBe(true);
    // It was durable before it was given.
    expect(await findings(id)).toHaveLength(2);
    const second = (await send('/event', event('c'), withChannel)).body.ackId as number;
    const expected = { status: 200, body: { acks: { [ackId]: true, [second]: true, [ackId + 1]: false, 7: false } } };
    for (const path of ['/ack', '/ack/1.0', '/ack']) {
      expect(await send(path, asked([ackId, second, ackId + 1, 7]), withChannel)).toEqual(expected);
    }
    expect(await send(`/ack?channel=${CHANNEL.toUpperCase()}`, asked([ackId]))).toMatchObject({
      body: { acks: { [ackId]: true } },
    });
    expect(await other.send('/ack', asked([ackId]), withChannel)).toMatchObject({ body: { acks: { [ackId]: false } } });
    const strange = { 'x-splunk-request-channel': CHANNEL.replace('f', 'a') };
    expect(await send('/ack', asked([ackId]), strange)).toMatchObject({ body: { acks: { [ackId]: false } } });
  });

  it('need a channel that is one, and a question', async () => {
    const { send, configure } = await register('acks-asked');
    expect(await send('/ack', asked([0]))).toEqual(answered(10));
    expect(await send('/ack', asked([0]), { 'x-splunk-request-channel': 'mine' })).toEqual(answered(11));
    expect(await send('/event', event('a'), { 'x-splunk-request-channel': 'mine' })).toEqual(answered(11));
    expect(await send('/ack', asked('all'), withChannel)).toEqual(answered(6));
    expect(await send('/ack', '', withChannel)).toEqual(answered(5));
    await configure({ hecAcknowledgement: 'required' });
    expect(await send('/event', event('a'))).toEqual(answered(10));
    expect(await send('/raw', 'a')).toEqual(answered(10));
    await configure({ hecAcknowledgement: 'off' });
    expect(await send('/ack', asked([0]), withChannel)).toEqual(answered(14));
    expect(await send('/event', event('a'), withChannel)).toEqual(answered(0));
  });
});

describe('health', () => {
  it.each(['/health', '/health/1.0'])('is told to anybody at /services/collector%s', async (path) => {
    expect(await call('GET', `/services/collector${path}`, {})).toEqual(answered(17));
  });
});
