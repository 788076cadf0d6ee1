import { useMigratedPostgres } from '#libs/testing';
import { useGateway } from '../gateway-harness';
import { service } from '../service';

const postgres = useMigratedPostgres(service);
const harness = useGateway(postgres);

describe('the documentation', () => {
  it('is one page with all endpoints and nothing from outside', async () => {
    const answer = await fetch(`${harness.gateway.url}/docs`);
    const page = await answer.text();
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    for (const part of ['/v1/cases/{id}', 'problem-token_missing', 'humans only', 'id="schema-CaseView"']) {
      expect(page).toContain(part);
    }
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('is an OpenAPI document and JSON Schemas', async () => {
    expect(JSON.parse(await (await fetch(`${harness.gateway.url}/openapi.json`)).text())).toMatchObject({
      openapi: '3.1.0',
    });
    expect(JSON.parse(await (await fetch(`${harness.gateway.url}/asyncapi.json`)).text())).toMatchObject({
      asyncapi: '3.0.0',
    });
    const { items }: { items: string[] } = JSON.parse(await (await fetch(`${harness.gateway.url}/schemas`)).text());
    expect(items).toContain('/schemas/events/case/CaseOpened.v1.json');
    const schema = await fetch(`${harness.gateway.url}/schemas/events/case/CaseOpened.v1.json`);
    expect(JSON.parse(await schema.text())).toMatchObject({ title: 'CaseOpened', type: 'object' });
    expect((await fetch(`${harness.gateway.url}/schemas/../package.json`)).status).toBe(404);
  });
});
