import type { PlaybookImported, PlaybookView } from '#contracts/http/playbook-orchestrator';
import { newId } from '#libs/kernel';
import { useMigratedPostgres } from '#libs/testing';
import { eventually, OrchestratorHarness, shipped } from './orchestrator-harness';
import { service } from './service';

const postgres = useMigratedPostgres(service);
let orchestrator: OrchestratorHarness;

beforeAll(async () => {
  orchestrator = await OrchestratorHarness.start(postgres);
});
afterAll(() => orchestrator.stop());

const importText = (text: string, as?: string) => orchestrator.importText(text, as);
const activate = (text: string) => orchestrator.activate(text);
const playbook = (id: string) => orchestrator.call<PlaybookView>('GET', `/v1/playbooks/${id}`, 'arno');

describe('playbooks', () => {
  it('are imported inactive, once, and activated by another human’s grant alone', async () => {
    const first = await importText(shipped('triage-note.yaml'));
    expect(first).toMatchObject({
      status: 201,
      body: { created: true, state: 'draft', executable: true, findings: [], name: 'Triage note' },
    });
    const again = await importText(shipped('triage-note.yaml'));
    expect(again).toMatchObject({ status: 200, body: { created: false, digest: first.body.digest } });
    // Whoever imports it too is an author too.
    await importText(shipped('triage-note.yaml'), 'root');
    const { playbookId, digest } = first.body;
    expect((await playbook(playbookId)).body).toMatchObject({
      state: 'draft',
      activeDigest: null,
      versions: [{ digest, authors: ['ines', 'root'], activationApprovalId: first.body.activationApprovalId }],
    });
    await orchestrator.answerActivation(playbookId, digest);
    await eventually(
      async () => ((await playbook(playbookId)).body.state === 'active' ? true : undefined),
      'activation',
    );
    expect((await orchestrator.call('GET', '/v1/playbooks', 'arno')).body).toMatchObject({
      items: [{ playbookId, state: 'active', activeDigest: digest, versions: 1 }],
    });
  });

  it('of a new version replace the active one; a denied one is refused for good', async () => {
    const changed = shipped('triage-note.yaml').replace('Triage note', 'Triage note, changed');
    const second = await activate(changed);
    const view = (await playbook(second.playbookId)).body;
    expect(view.versions.map(({ state }) => state)).toEqual(['active', 'superseded']);

    const third = (await importText(changed.replace(', changed', ', again'))).body;
    await orchestrator.answerActivation(third.playbookId, third.digest, 'ApprovalDenied');
    await eventually(
      async () => ((await playbook(third.playbookId)).body.versions[0]?.state === 'refused' ? true : undefined),
      'the refusal',
    );
    expect(await importText(changed.replace(', changed', ', again'))).toMatchObject({
      status: 409,
      body: { code: 'invalid_transition', field: 'document' },
    });
  });

  it('that this release cannot run are kept, and their activation is refused', async () => {
    const text = shipped('triage-note.yaml')
      .replace('7e7c1b0002', '7e7c1b0009')
      .replace('    timeout: 60000', '    delay: 1000');
    const { body } = await importText(text);
    expect(body).toMatchObject({ executable: false, findings: [{ severity: 'not_executable' }] });
    await orchestrator.answerActivation(body.playbookId, body.digest);
    await eventually(
      async () => ((await playbook(body.playbookId)).body.versions[0]?.state === 'refused' ? true : undefined),
      'the refusal',
    );
    expect((await playbook(body.playbookId)).body.versions[0]?.reason).toContain('cannot run');
  });

  it('that are wrong get an error that names the field', async () => {
    const broken = (from: string | RegExp, to: string) => importText(shipped('triage-note.yaml').replace(from, to));
    expect(await broken('type: action', 'type: wait')).toMatchObject({
      status: 400,
      body: { code: 'invalid_playbook', field: expect.stringMatching(/^workflow\.action--.*\.type$/) },
    });
    expect(await broken('name: Triage note', 'name: Triage note\nenabled: true')).toMatchObject({
      status: 400,
      body: { code: 'invalid_playbook', field: 'enabled', detail: expect.stringContaining('not a property') },
    });
    expect(await broken('severity: ', 'api_key: hunter2\n          severity: ')).toMatchObject({
      status: 400,
      body: { code: 'invalid_playbook', field: expect.stringContaining('parameters.api_key') },
    });
    expect(await importText('a: [')).toMatchObject({ status: 400, body: { code: 'invalid_playbook', field: 'text' } });
    expect(await orchestrator.call('POST', '/v1/playbooks', 'ines', {})).toMatchObject({
      status: 400,
      body: { code: 'invalid_field', field: 'document' },
    });
    expect(await playbook('nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await playbook(newId())).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('are validated without being kept', async () => {
    const text = shipped('phishing-report.yaml');
    const check = (changed: string) =>
      orchestrator.call('POST', '/v1/playbooks/validate', 'arno', { text: changed, format: 'yaml' });
    expect(await check(text)).toEqual({ status: 200, body: { valid: true, executable: true, findings: [] } });
    expect((await check(text.replace('cacao-2.0', 'cacao-1.1'))).body).toMatchObject({
      valid: false,
      findings: [{ severity: 'error', field: 'spec_version' }],
    });
  });

  it('can be imported by a responder, drafted by an analyst, and retired by an owner', async () => {
    const body = { text: shipped('phishing-report.yaml'), format: 'yaml' };
    expect((await orchestrator.call('POST', '/v1/playbooks', 'arno', body)).status).toBe(403);
    const drafted = await orchestrator.call<PlaybookImported>('POST', '/v1/playbooks/drafts', 'arno', body);
    expect(drafted.status).toBe(201);
    const retire = (as: string) =>
      orchestrator.call<PlaybookView>('POST', `/v1/playbooks/${drafted.body.playbookId}/retire`, as, {
        reason: 'a test',
      });
    expect((await retire('ines')).status).toBe(403);
    expect(await retire('olivia')).toMatchObject({ status: 200, body: { state: 'retired' } });
    expect(await retire('olivia')).toMatchObject({ status: 200, body: { state: 'retired' } });
    // A grant that comes late activates nothing.
    await orchestrator.answerActivation(drafted.body.playbookId, drafted.body.digest);
    const later = await activate(shipped('phishing-report.yaml').replace('Phishing report', 'Phishing report 2'));
    expect((await playbook(later.playbookId)).body.versions.map(({ state }) => state)).toEqual(['active', 'retired']);
  });
});

describe('an agent', () => {
  it('drafts, inactive, and the human behind it counts as an author; it imports and retires nothing', async () => {
    const headers = await orchestrator.issuer.headersFor('arno', { clientId: 'countersign-agent' });
    const body = { text: shipped('triage-note.yaml').replace('7e7c1b0002', '7e7c1b0010'), format: 'yaml' };
    const drafted = await orchestrator.send<PlaybookImported>('POST', '/v1/playbooks/drafts', headers, body);
    expect(drafted).toMatchObject({ status: 201, body: { state: 'draft' } });
    const { playbookId } = drafted.body;
    expect((await playbook(playbookId)).body.versions[0]).toMatchObject({
      origin: 'agent',
      authors: ['countersign-agent', 'arno'],
    });
    expect(await orchestrator.send('POST', '/v1/playbooks', headers, body)).toMatchObject({
      status: 403,
      body: { code: 'permission_missing' },
    });
    const retire = { reason: 'a test' };
    expect(await orchestrator.send('POST', `/v1/playbooks/${playbookId}/retire`, headers, retire)).toMatchObject({
      status: 403,
      body: { code: 'audience_refused' },
    });
  });
});
