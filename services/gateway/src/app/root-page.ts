import { LOCAL_ACCOUNTS, type Profile } from '#libs/service';
import { html, htmlPage } from './html';

/** What somebody sees who opens the origin in a browser: where to go on. */
export function rootPage(profile: Profile): string {
  return htmlPage(
    'Countersign',
    html`<h1>Countersign</h1>
      <p>
        Security orchestration, automation and response: nothing disruptive happens without a human's countersignature.
      </p>
      <ul>
        <li>
          <a href="/docs">/docs</a>: the HTTP API, readable; <a href="/openapi.json">/openapi.json</a> for programs
        </li>
        <li><a href="/schemas">/schemas</a>: JSON Schemas of events and bodies</li>
        <li><a href="/readyz">/readyz</a>, <a href="/metrics">/metrics</a>: health and metrics of this gateway</li>
        <li><code>/mcp</code>: tools for AI agents (Model Context Protocol, Streamable HTTP)</li>
        <li><code>/v1/live</code>: what happens, as it happens (server-sent events)</li>
      </ul>
      ${profile === 'production' ? undefined : localAccounts()}`,
  );
}

function localAccounts() {
  return html`<h2>Local accounts</h2>
    <p>This is not a production profile: whoever asks gets a token.</p>
    <pre>
TOKEN=$(npx countersign token olivia)
curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/v1/approvals</pre>
    <table>
      <tr>
        <th>subject</th>
        <th>role</th>
        <th></th>
      </tr>
      ${LOCAL_ACCOUNTS.map(
        ({ subject, roles, description }) =>
          html`<tr>
            <td><code>${subject}</code></td>
            <td>${roles.join(', ')}</td>
            <td>${description}</td>
          </tr>`,
      )}
    </table>`;
}
