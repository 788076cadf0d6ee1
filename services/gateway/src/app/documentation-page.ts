import { SERVICES } from '#contracts/envelope';
import type { Endpoint } from '#contracts/http/endpoint';
import { ENDPOINTS } from '#contracts/http/endpoints';
import { openApiDocument, operationId, type JsonDocument } from '#contracts/openapi';
import { problemCatalogue } from '#libs/service';
import { html, htmlPage, type Html } from './html';

/** /docs: every endpoint by service, the schemas and the problems, in one page without a script. */
export function documentationPage(): string {
  const document = openApiDocument();
  const served = ENDPOINTS.filter(({ local }) => local !== true);
  const services = SERVICES.filter((service) => served.some((endpoint) => endpoint.service === service));
  return htmlPage(
    'Countersign: HTTP API',
    html`<h1>Countersign: HTTP API</h1>
      <p>
        One origin for all services. The same as a document for programs: <a href="/openapi.json">OpenAPI 3.1</a>;
        events and bodies as <a href="/schemas">JSON Schemas</a>; the topics of the bus as
        <a href="/asyncapi.json">AsyncAPI 3.0</a>.
      </p>
      <nav>
        ${services.map((service) => html`<a href="#${service}">${service}</a>`)}<a href="#schemas">schemas</a
        ><a href="#problems">problems</a>
      </nav>
      <p>
        Endpoints marked <span class="badge">token</span> take <code>Authorization: Bearer TOKEN</code>, a JWT of the
        OIDC issuer with a role that has the permission named. <span class="badge">source token</span> is the token of
        an alert source. <span class="badge">humans only</span> refuses agents and services whatever their role.
      </p>
      ${services.map((service) => section(service, served, document))}
      <h2 id="schemas">Schemas</h2>
      ${schemas(document)}
      <h2 id="problems">Problems</h2>
      <p>
        Every error is <code>application/problem+json</code> (RFC 9457) with a <code>code</code>, the reason as
        <code>detail</code>, and where it applies the <code>field</code>.
      </p>
      <table>
        <tr>
          <th>code</th>
          <th>status</th>
          <th>title</th>
        </tr>
        ${problemCatalogue().map(
          ({ code, status, title }) =>
            html`<tr id="problem-${code}">
              <td><code>${code}</code></td>
              <td>${status}</td>
              <td>${title}</td>
            </tr>`,
        )}
      </table>`,
  );
}

function section(service: string, endpoints: readonly Endpoint[], document: JsonDocument): Html {
  return html`<h2 id="${service}">${service}</h2>
    ${endpoints.filter((endpoint) => endpoint.service === service).map((endpoint) => endpointDetails(endpoint, document))}`;
}

function endpointDetails(endpoint: Endpoint, document: JsonDocument): Html {
  const path = endpoint.path.replaceAll(/:(\w+)/g, '{$1}').replaceAll('*', '{rest}');
  const operation = at(document, 'paths', path, endpoint.method.toLowerCase());
  const request = at(operation, 'requestBody', 'content');
  return html`<details id="${operationId(endpoint)}">
    <summary>
      <span class="method">${endpoint.method}</span> <span class="path">${path}</span
      ><span class="note">${endpoint.summary}</span>
    </summary>
    <div>
      <p>${badges(endpoint)}</p>
      ${endpoint.description === undefined ? undefined : html`<p>${endpoint.description}</p>`}
      ${parameters(at(operation, 'parameters'))} ${contents('Body', request)}
      ${Object.keys(endpoint.responses).map((status) =>
        contents(`Answer ${status}`, at(operation, 'responses', status, 'content')),
      )}
    </div>
  </details>`;
}

function badges(endpoint: Endpoint): Html {
  switch (endpoint.auth) {
    case 'public':
      return html`<span class="badge">public</span>`;
    case 'source':
      return html`<span class="badge">source token</span>`;
    case 'user':
      return html`<span class="badge">token</span>
        <span class="badge">${endpoint.permission}</span>
        ${endpoint.decision === true ? html`<span class="badge">humans only</span>` : undefined}
        ${endpoint.audience === undefined ? undefined : html`<span class="badge">audience ${endpoint.audience}</span>`}`;
  }
}

function parameters(list: unknown): Html | undefined {
  if (!Array.isArray(list) || list.length === 0) return undefined;
  return html`<table>
    <tr>
      <th>parameter</th>
      <th>in</th>
      <th>schema</th>
    </tr>
    ${list.map(
      (parameter: unknown) =>
        html`<tr>
          <td><code>${text(parameter, 'name')}</code></td>
          <td>${text(parameter, 'in')}</td>
          <td><code>${JSON.stringify(at(parameter, 'schema'))}</code></td>
        </tr>`,
    )}
  </table>`;
}

function contents(title: string, content: unknown): Html | undefined {
  if (typeof content !== 'object' || content === null) return undefined;
  return html`${Object.entries(content).map(
    ([type, value]) =>
      html`<p>${title}: <code>${type}</code></p>
        ${schemaOrLink(at(value, 'schema'))}`,
  )}`;
}

/** A schema that has a name is shown once, under that name. */
function schemaOrLink(schema: unknown): Html {
  const name = text(schema, '$ref').split('/').at(-1);
  if (name) return html`<p><a href="#schema-${name}">${name}</a></p>`;
  return html`<pre>${JSON.stringify(schema, null, 2)}</pre>`;
}

function schemas(document: JsonDocument): Html {
  const named = at(document, 'components', 'schemas');
  return html`${Object.entries(typeof named === 'object' && named !== null ? named : {}).map(
    ([name, schema]) =>
      html`<details id="schema-${name}">
        <summary><span class="path">${name}</span></summary>
        <div><pre>${JSON.stringify(schema, null, 2)}</pre></div>
      </details>`,
  )}`;
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (found, key) => (typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined),
    value,
  );
}

function text(value: unknown, key: string): string {
  const found = at(value, key);
  return typeof found === 'string' ? found : '';
}
