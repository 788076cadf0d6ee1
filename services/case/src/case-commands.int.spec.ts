import { serviceActor } from '#contracts/envelope';
import type { CaseView } from '#contracts/http/case';
import { newId } from '#libs/kernel';
import { useCaseService } from './case-service.fixture';

const { download, call, get, post, eventually, openCase } = useCaseService();

describe('a command', () => {
  it('is carried out once for one idempotency key, and answers the same', async () => {
    const id = await openCase('idempotent');
    const key = { 'idempotency-key': 'note-1' };
    const first = await post(`/v1/cases/${id}/notes`, { text: 'once' }, key);
    await post(`/v1/cases/${id}/owner`, { owner: 'arno' });
    const [second, third] = await Promise.all([
      post(`/v1/cases/${id}/notes`, { text: 'once' }, key),
      post(`/v1/cases/${id}/notes`, { text: 'once' }, key),
    ]);
    expect(second.body).toEqual(first.body);
    expect(third.body).toEqual(first.body);
    const other = await post(`/v1/cases/${id}/notes`, { text: 'twice' }, key);
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused', field: 'Idempotency-Key' } });
    const { body } = await get<CaseView>(`/v1/cases/${id}`);
    expect(body.notes).toMatchObject([{ text: 'once', by: { kind: 'human', id: 'arno' } }]);
  });

  it('is refused on another version than the caller has seen', async () => {
    const id = await openCase('version');
    expect(await post(`/v1/cases/${id}/status`, { status: 'in_progress', expectedVersion: 7 })).toMatchObject({
      status: 409,
      body: { code: 'stream_conflict', field: 'expectedVersion' },
    });
  });

  it('is refused by name where it is wrong', async () => {
    const id = await openCase('wrong');
    expect(await post(`/v1/cases/${id}/status`, { status: 'closed' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_field', field: 'resolution' },
    });
    expect(await post(`/v1/cases/${id}/status`, { status: 'new' })).toMatchObject({
      status: 409,
      body: { code: 'invalid_transition', field: 'status' },
    });
    expect(await post(`/v1/cases/${id}/notes`, { text: 'x', colour: 'red' })).toMatchObject({
      status: 400,
      body: { code: 'unknown_field', field: 'colour' },
    });
    expect(await post(`/v1/cases/${newId()}/notes`, { text: 'x' })).toMatchObject({ status: 404 });
    expect(await post('/v1/cases/42/notes', { text: 'x' })).toMatchObject({ status: 400, body: { field: 'id' } });
    expect(await call('audrey', 'POST', `/v1/cases/${id}/notes`, { text: 'x' })).toMatchObject({
      status: 403,
      body: { code: 'permission_missing' },
    });
  });
});

describe('evidence', () => {
  it('is a link, or a file that comes back byte for byte as a download', async () => {
    const id = await openCase('evidence');
    const content = Buffer.from([0, 1, 2, 253, 254, 255]);
    await post(`/v1/cases/${id}/evidence`, { kind: 'link', name: 'report', url: 'https://siem.example/1' });
    const { body } = await post(`/v1/cases/${id}/evidence`, {
      kind: 'file',
      name: 'böse "Datei".html',
      mediaType: 'text/html',
      content: content.toString('base64'),
    });
    expect(body.evidence).toMatchObject([{ kind: 'link' }, { kind: 'file', size: 6, mediaType: 'text/html' }]);
    const path = `/v1/cases/${id}/evidence/${body.evidence[1]?.evidenceId}`;
    const answer = await download(path);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(content);
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="evidence"; filename*=UTF-8''b%C3%B6se%20%22Datei%22.html`,
    );
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await get(`/v1/cases/${id}/evidence/${body.evidence[0]?.evidenceId}`)).toMatchObject({ status: 404 });
  });

  it('is refused over 1 MiB, and where it is not base64', async () => {
    const id = await openCase('large');
    const file = (content: string) => ({ kind: 'file', name: 'dump', content });
    const path = `/v1/cases/${id}/evidence`;
    const most = await post(path, file(Buffer.alloc(1024 * 1024).toString('base64')));
    expect(most.body.detail).toBeUndefined();
    expect(most.status).toBe(200);
    expect(await post(path, file(Buffer.alloc(1024 * 1024 + 1).toString('base64')))).toMatchObject({
      status: 413,
      body: { code: 'evidence_too_large', field: 'content' },
    });
    expect(await post(path, file('no base64!'))).toMatchObject({ status: 400, body: { field: 'content' } });
    expect(await post(path, { kind: 'link', name: 'x', url: 'javascript:alert(1)' })).toMatchObject({
      status: 400,
      body: { field: 'url' },
    });
  });
});

describe('an escalation', () => {
  it('is acknowledged by the person it went to', async () => {
    const id = await openCase('escalate');
    const to = { kind: 'person', id: 'ines' };
    const { body } = await post(`/v1/cases/${id}/escalations`, { to, reason: 'needs you', withinMinutes: 30 });
    expect(body).toMatchObject({ openEscalations: 1, escalations: [{ status: 'open', to }] });
    const path = `/v1/cases/${id}/escalations/${body.escalations[0]?.escalationId}/acknowledge`;
    expect(await post(path, {})).toMatchObject({ status: 403, body: { code: 'not_addressee' } });
    const done = await call<CaseView>('ines', 'POST', path, { comment: 'on it' });
    expect(done.body).toMatchObject({
      openEscalations: 0,
      escalations: [{ status: 'acknowledged', comment: 'on it' }],
    });
    expect(await call('ines', 'POST', path, {})).toMatchObject({ status: 409, body: { code: 'invalid_transition' } });
  });

  it('expires by the clock of the database', async () => {
    const id = await openCase('expire');
    const deadline = new Date(Date.now() + 400).toISOString();
    const to = { kind: 'tier', id: 'tier-2' };
    expect(await post(`/v1/cases/${id}/escalations`, { to, reason: 'urgent', deadline })).toMatchObject({
      status: 200,
    });
    const expired = await eventually(async () => {
      const { body } = await get<CaseView>(`/v1/cases/${id}`);
      return body.escalations[0]?.status === 'expired' ? body : undefined;
    });
    expect(expired.escalations[0]?.endedBy).toEqual(serviceActor('case'));
    expect(expired.escalations[0]?.endedAt && expired.escalations[0].endedAt >= deadline).toBe(true);
  });

  it('needs a deadline ahead', async () => {
    const id = await openCase('late');
    const body = { to: { kind: 'tier', id: 'tier-2' }, reason: 'x' };
    const path = `/v1/cases/${id}/escalations`;
    expect(await post(path, body)).toMatchObject({ status: 400, body: { field: 'deadline' } });
    expect(await post(path, { ...body, deadline: '2020-01-01T00:00:00Z' })).toMatchObject({
      status: 400,
      body: { field: 'deadline', detail: 'It has passed already.' },
    });
  });
});
