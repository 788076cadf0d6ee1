import { useMigratedPostgres } from '#libs/testing';
import { walkEndpoints } from '..';
import { endpoints, json, like, problem, useNotesService } from '../notes-harness';

const harness = useNotesService(useMigratedPostgres());

describe('who may call', () => {
  it('is asked before anything else', async () => {
    expect(problem(await harness.call('GET', '/v1/notes/1'))).toMatchObject(
      like(401, 'token_missing', 'authorization', "Send 'Authorization: Bearer TOKEN'."),
    );
    expect(problem(await harness.call('POST', '/v1/notes', json, '{"broken'))).toMatchObject(
      like(401, 'token_missing'),
    );
    expect((await harness.call('GET', '/v1/notes/1', { authorization: 'Bearer nonsense' })).body).toMatchObject({
      type: '/docs#problem-token_invalid',
      title: 'The token is not valid',
      status: 401,
      detail: 'The token is refused: it is not a JWT of the issuer.',
    });
  });

  it('is the principal of the token, in its tenant', async () => {
    const { status, body } = await harness.call('GET', '/v1/notes/7?limit=3', await harness.issuer.headersFor('arno'));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: '7',
      query: { limit: 3 },
      principal: {
        subject: 'arno',
        kind: 'human',
        tenant: 'default',
        roles: ['analyst'],
        audience: 'countersign',
        clientId: 'countersign-cli',
      },
    });
  });

  it('needs a role with the permission', async () => {
    expect(
      problem(
        await harness.call('POST', '/v1/notes', { ...json, ...(await harness.issuer.headersFor('audrey')) }, '{}'),
      ),
    ).toMatchObject(
      like(403, 'permission_missing', undefined, 'audrey has the role auditor, which does not permit cases:write.'),
    );
  });

  it.each([
    ['expired', { exp: 1 }, 'it has expired; get a new one'],
    ['of another audience', { aud: 'else' }, 'it was issued for another audience than countersign'],
    ['of another issuer', { iss: 'https://example.org' }, 'it comes from another issuer'],
    ['without a tenant', { tenant: undefined }, "its claim 'tenant' is missing or no text of up to 200 characters"],
    ['of an unknown client', { azp: 'stranger' }, "client 'stranger' is not registered here"],
    ['without a client', { azp: undefined }, "its claim 'client_id' is missing"],
    ['of two clients', { client_id: 'countersign-console' }, 'azp and client_id name different clients'],
    ['without roles', { roles: undefined }, "it has no list 'roles'"],
  ])('is nobody with a token that is %s', async (_, claims, reason) => {
    const good = { sub: 'arno', aud: 'countersign', azp: 'countersign-cli', roles: ['analyst'] };
    const authorization = `Bearer ${await harness.issuer.issuer.sign({ ...good, ...claims })}`;
    const { status, body } = await harness.call('GET', '/v1/notes/7', { authorization });
    expect([status, body.code]).toEqual([401, 'token_invalid']);
    expect(body.detail).toContain(reason);
  });

  it('is never an agent where a decision is taken (invariant 5)', async () => {
    const decide = async (authorization: string) =>
      harness.call('POST', '/v1/decide', { ...json, authorization }, '{}');
    const asAgent = await harness.issuer.headersFor('olivia', { clientId: 'countersign-agent' });
    expect(problem(await decide(asAgent.authorization))).toMatchObject(like(403, 'audience_refused'));
    const disguised = { sub: 'olivia', aud: 'countersign', roles: ['owner'], azp: 'countersign-agent' };
    expect(problem(await decide(`Bearer ${await harness.issuer.issuer.sign(disguised)}`))).toMatchObject(
      like(403, 'principal_kind_refused'),
    );
    const acting = { ...disguised, azp: 'countersign-cli', act: { sub: 'helper' } };
    expect(problem(await decide(`Bearer ${await harness.issuer.issuer.sign(acting)}`))).toMatchObject(
      like(403, 'principal_kind_refused'),
    );
    const asService = { ...disguised, azp: 'countersign-service' };
    expect(problem(await decide(`Bearer ${await harness.issuer.issuer.sign(asService)}`))).toMatchObject(
      like(403, 'principal_kind_refused'),
    );
    expect((await decide((await harness.issuer.headersFor('olivia')).authorization)).body).toEqual({ by: 'olivia' });
  });

  it('is the agent, on behalf of its human, elsewhere', async () => {
    const { body } = await harness.call(
      'GET',
      '/v1/notes/7',
      await harness.issuer.headersFor('ines', { clientId: 'countersign-agent' }),
    );
    expect(body.principal).toEqual({
      subject: 'countersign-agent',
      behalfOf: 'ines',
      kind: 'agent',
      tenant: 'default',
      roles: ['analyst'],
      audience: 'countersign-mcp',
      clientId: 'countersign-agent',
    });
  });

  it('is a source by its own token, under two schemes', async () => {
    const upload = (authorization: string) => harness.call('POST', '/v1/upload', { authorization }, 'x');
    expect((await upload('Bearer cs_1')).body).toEqual({ bytes: 1, source: 'siem' });
    expect((await upload('Splunk cs_1')).body).toEqual({ bytes: 1, source: 'siem' });
    expect(problem(await upload('Splunk cs_2'))).toMatchObject(like(401, 'token_invalid'));
    expect(problem(await harness.call('GET', '/v1/notes/1', { authorization: 'Splunk cs_1' }))).toMatchObject(
      like(401, 'token_invalid'),
    );
  });
});

it('answers every role at every endpoint as the table says', async () => {
  expect(await walkEndpoints({ issuer: harness.issuer.issuer, urlOf: () => harness.service.url, endpoints })).toEqual(
    [],
  );
  const lax = endpoints.map((endpoint) => ({ ...endpoint, auth: 'public' }) as const);
  expect(
    await walkEndpoints({ issuer: harness.issuer.issuer, urlOf: () => harness.service.url, endpoints: lax }),
  ).not.toEqual([]);
});
