import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { MCP_TOOLS } from '#contracts/mcp';
import { newId } from '#libs/kernel';
import { useMigratedPostgres } from '#libs/testing';
import { useGateway } from '../gateway-harness';
import { service } from '../service';

const postgres = useMigratedPostgres(service);
const harness = useGateway(postgres);

describe('MCP', () => {
  const clients: Client[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  async function connect(headers: Record<string, string>): Promise<Client> {
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${harness.gateway.url}/mcp`), { requestInit: { headers } }),
    );
    clients.push(client);
    return client;
  }
  const agent = () => harness.as('ines', { client_id: 'countersign-agent' });

  it('lists tools of which none decides anything', async () => {
    const { tools } = await (await connect(await agent())).listTools();
    expect(tools.map(({ name }) => name)).toEqual(MCP_TOOLS.map(({ name }) => name));
    expect(tools.filter(({ annotations }) => annotations?.readOnlyHint !== true).map(({ name }) => name)).toEqual([
      'draft_playbook',
    ]);
    for (const { name } of tools) expect(name).not.toMatch(/activate|grant|deny|approve|retire/);
  });

  it('calls the service as the user who asked, and gives its answer or its problem to the model', async () => {
    const seen: { url?: string; authorization?: string }[] = [];
    harness.answerAsCase = (incoming, response) => {
      seen.push({ url: incoming.url, authorization: incoming.headers.authorization });
      response.statusCode = incoming.url?.startsWith('/v1/cases?') ? 200 : 404;
      response.end('{"items":[],"code":"not_found"}');
    };
    const headers = await agent();
    const client = await connect(headers);
    const listed = await client.callTool({ name: 'list_cases', arguments: { q: 'mail ex', limit: 5 } });
    expect(listed).toMatchObject({
      isError: false,
      content: [{ type: 'text', text: expect.stringContaining('items') }],
    });
    expect(seen.at(-1)?.url).toBe('/v1/cases?q=mail+ex&limit=5');
    const id = newId();
    expect(await client.callTool({ name: 'get_case', arguments: { id } })).toMatchObject({ isError: true });
    expect(seen.at(-1)).toEqual({ url: `/v1/cases/${id}`, authorization: headers.authorization });
    const wrong = await client.callTool({ name: 'get_case', arguments: { id: '../../v1/approvals' } });
    expect(JSON.stringify(wrong)).toContain('must be a UUID');
    await expect(client.callTool({ name: 'grant_approval', arguments: {} })).rejects.toThrow('There is no tool');
  });

  it('takes tokens of its own audience alone', async () => {
    await expect(connect(await harness.as('ines'))).rejects.toThrow('audience_refused');
    await expect(connect({})).rejects.toThrow('token_missing');
  });

  it("is no way to a decision: an agent's token is refused where people decide (invariant 5)", async () => {
    const grant = async (headers: { authorization: string }) => {
      const answer = await fetch(`${harness.gateway.url}/v1/approvals/${newId()}/grant`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ digest: '0'.repeat(64), comment: 'seen' }),
      });
      return { status: answer.status, body: JSON.parse(await answer.text()) };
    };
    expect(await grant(await agent())).toMatchObject({ status: 403, body: { code: 'audience_refused' } });
    expect(await grant(await harness.as('olivia', { client_id: 'countersign-agent' }))).toMatchObject({ status: 403 });
    expect(await grant(await harness.as('olivia'))).toMatchObject({ status: 200, body: { by: 'olivia' } });
  });

  it('refuses a host or an origin that is not its own, and other methods', async () => {
    const headers = { ...(await agent()), 'content-type': 'application/json' };
    const foreign = await fetch(`${harness.gateway.url}/mcp`, {
      method: 'POST',
      headers: { ...headers, origin: 'https://evil.example' },
      body: '{}',
    });
    expect(JSON.parse(await foreign.text())).toMatchObject({ status: 400, field: 'origin' });
    const rebound = request(`${harness.gateway.url}/mcp`, {
      method: 'POST',
      headers: { ...headers, host: 'evil.example' },
    });
    rebound.end('{}');
    const [response]: [IncomingMessage] = (await once(rebound, 'response')) as [IncomingMessage];
    expect(JSON.parse(await text(response))).toMatchObject({ status: 400, field: 'host' });
    expect((await fetch(`${harness.gateway.url}/mcp`, { headers })).status).toBe(405);
  });
});
