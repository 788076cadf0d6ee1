import { gzipSync } from 'node:zlib';
import { useMigratedPostgres } from '#libs/testing';
import { json, like, problem, useNotesService } from '../notes-harness';

const harness = useNotesService(useMigratedPostgres());

describe('a bad request', () => {
  let analyst: Record<string, string>;
  beforeAll(async () => {
    analyst = { ...json, ...(await harness.issuer.headersFor('arno')) };
  });

  it('names every field that is wrong', async () => {
    const { status, body, headers } = await harness.call('POST', '/v1/notes', analyst, '{"tags":["toolong"],"more":1}');
    expect(status).toBe(400);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(body).toMatchObject({
      code: 'invalid_field',
      field: 'text',
      errors: [
        { field: 'text', reason: 'is required' },
        { field: 'more', reason: 'is not part of the contract' },
        { field: 'tags[0]', reason: 'must have at most 5 characters' },
      ],
    });
    expect(problem(await harness.call('POST', '/v1/notes', analyst, '{"text":"a","more":1}'))).toMatchObject(
      like(400, 'unknown_field', 'more', 'is not part of the contract'),
    );
    expect(problem(await harness.call('GET', '/v1/notes/1?limit=none', analyst))).toMatchObject(
      like(400, 'invalid_field', 'limit', 'must be a whole number, but is a text'),
    );
  });

  it.each([
    ['malformed JSON', '{"text":}', 400, 'invalid_json', 'body'],
    ['an empty body', '', 400, 'invalid_json', 'body'],
    ['NUL in a text', '{"text":"a\\u0000b"}', 400, 'invalid_character', 'text'],
    ['a lone surrogate', '{"text":"a","tags":["\\ud800"]}', 400, 'invalid_character', 'tags[0]'],
    ['a poisoned prototype', '{"text":"a","__proto__":{}}', 400, 'invalid_field', 'body'],
    ['a list for an object', '[1]', 400, 'invalid_field', 'body'],
  ])('with %s says so', async (_, sent, status, code, field) => {
    expect(problem(await harness.call('POST', '/v1/notes', analyst, sent))).toMatchObject(like(status, code, field));
  });

  it('with invalid UTF-8, another media type or an encoding says so', async () => {
    expect(problem(await harness.call('POST', '/v1/notes', analyst, Buffer.from([0x22, 0xff, 0x22])))).toMatchObject(
      like(400, 'invalid_character', 'body'),
    );
    const form = { ...analyst, 'content-type': 'application/x-www-form-urlencoded' };
    expect(problem(await harness.call('POST', '/v1/notes', form, 'text=a'))).toMatchObject(
      like(
        415,
        'unsupported_media_type',
        'content-type',
        "'application/x-www-form-urlencoded' is not taken here: send application/json.",
      ),
    );
    const zipped = { ...analyst, 'content-encoding': 'gzip' };
    expect(problem(await harness.call('POST', '/v1/notes', zipped, gzipSync('{}')))).toMatchObject(
      like(415, 'unsupported_media_type', 'content-encoding'),
    );
  });

  it('of 20 MB gets its answer, and a raw body has no limit', async () => {
    const large = Buffer.alloc(20_000_000, 0x20);
    expect(problem(await harness.call('POST', '/v1/notes', analyst, large))).toMatchObject(
      like(413, 'body_too_large', 'body', 'It is larger than 16 MiB, the limit here.'),
    );
    expect((await harness.call('POST', '/v1/upload', { authorization: 'Bearer cs_1' }, large)).body.bytes).toBe(
      large.length,
    );
  });

  it('to nowhere is not found', async () => {
    expect(problem(await harness.call('GET', '/v1/nowhere'))).toMatchObject(like(404, 'not_found'));
    expect(problem(await harness.call('DELETE', '/v1/notes', analyst))).toMatchObject(like(404, 'not_found'));
    expect(problem(await harness.call('GET', '/v1/notes/%zz', analyst))).toMatchObject(
      like(400, 'invalid_field', 'path'),
    );
  });

  it('keeps its code, and an error of our own tells nothing', async () => {
    expect(problem(await harness.call('POST', '/v1/fail', analyst, '{"code":"conflict"}'))).toMatchObject(
      like(409, 'stream_conflict', 'version', 'Read it again.'),
    );
    const crash = await harness.call('POST', '/v1/fail', analyst, '{"code":"crash"}');
    expect(problem(crash)).toMatchObject(like(500, 'internal'));
    expect(JSON.stringify(crash.body)).not.toContain('secret');
  });
});

describe('a trace', () => {
  it('is the one of the caller, or a new one', async () => {
    const headers = await harness.issuer.headersFor('arno');
    const traceOf = async (more: Record<string, string>) => {
      const answer = await harness.call('GET', '/v1/notes/1', { ...headers, ...more });
      return { trace: answer.body.trace, header: answer.headers.get('x-correlation-id') };
    };
    const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { trace } = await traceOf({ traceparent: parent, 'x-correlation-id': 'c-1' });
    expect(trace).toEqual({
      correlationId: 'c-1',
      traceparent: expect.stringMatching(/^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$/),
    });
    const fresh = await traceOf({ traceparent: 'garbage' });
    expect(fresh.trace).toEqual({
      correlationId: fresh.header,
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    });
  });
});
