import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApprovalDetail } from '#contracts/http/approval';
import type { SourceWithToken } from '#contracts/http/ingest';
import type { PlaybookImported, PlaybookSummary } from '#contracts/http/playbook-orchestrator';
import { ApiProblem } from '#libs/client';
import type { DemoClients } from './clients';
import type { DemoTargets } from './demo-targets';
import { targetToken, tokenVersion } from './demo-targets';
import type { Narrator } from './narrator';
import { PEOPLE } from './people';
import { TARGET_NAMES } from './targets/target-systems';
import { until } from './until';

/** Tokens of the demo's sources by name. */
export type SourceTokens = ReadonlyMap<string, string>;

/** The connections that playbooks name, one for each outside system. Registering the same again changes nothing. */
export async function registerConnections(
  clients: DemoClients,
  targets: DemoTargets,
  dataFolder: string,
): Promise<void> {
  const admin = await clients.as('admin');
  const secret = `secret://demo-targets@${tokenVersion(targetToken(dataFolder))}`;
  for (const name of TARGET_NAMES) {
    const baseUrl = targets.urls[name];
    await admin.request('PUT', `/v1/connections/${name}`, {
      body: {
        connector: name,
        name: `Demo ${name}`,
        settings: { baseUrl, token: secret },
        allowedHosts: [new URL(baseUrl).host],
      },
    });
  }
}

/** A source's token is shown once, so it is kept in the data folder, readable for its owner only. */
export async function registerSources(
  clients: DemoClients,
  names: readonly string[],
  dataFolder: string,
): Promise<SourceTokens> {
  const file = join(dataFolder, 'secrets', 'demo-sources.json');
  const tokens: Record<string, string> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const admin = await clients.as('admin');
  for (const name of names) {
    if (tokens[name] !== undefined) continue;
    tokens[name] = await tokenOf(admin, name);
    writeFileSync(file, JSON.stringify(tokens, null, 2), { mode: 0o600 });
  }
  return new Map(Object.entries(tokens));
}

/** A source that is there although its token was lost (a kill between the two) gets a new token. */
async function tokenOf(admin: Awaited<ReturnType<DemoClients['as']>>, name: string): Promise<string> {
  const { items } = await admin.get<{ items: { id: string; name: string }[] }>('/v1/sources');
  const known = items.find((source) => source.name === name);
  const answer = known
    ? await admin.post<SourceWithToken>(`/v1/sources/${known.id}/rotate`, { overlapSeconds: 0 })
    : await admin.post<SourceWithToken>('/v1/sources', { name });
  return answer.token;
}

/** Imports the shipped playbooks as one person and activates them as another. */
export async function activatePlaybooks(clients: DemoClients, folder: string, narrator: Narrator): Promise<void> {
  const files = readdirSync(folder)
    .filter((file) => /\.(ya?ml|json)$/.test(file))
    .sort();
  for (const file of files) {
    const importer = await clients.as('importer');
    const text = readFileSync(join(folder, file), 'utf8');
    const imported = await importer.post<PlaybookImported>('/v1/playbooks', {
      text,
      format: file.endsWith('.json') ? 'json' : 'yaml',
    });
    if (imported.created) narrator.say(`${PEOPLE.importer} imports the playbook “${imported.name}”: it is inactive`);
    await activate(clients, imported, narrator);
  }
}

async function activate(clients: DemoClients, imported: PlaybookImported, narrator: Narrator): Promise<void> {
  const activator = await clients.as('activator');
  const id = imported.activationApprovalId;
  const approval = await until(`the activation request of “${imported.name}”`, () =>
    found(activator.get<ApprovalDetail>(`/v1/approvals/${id}`)),
  );
  if (approval.status === 'pending') {
    await activator.post(`/v1/approvals/${id}/grant`, { digest: approval.digest, comment: 'Reviewed for the demo.' });
    narrator.say(`${PEOPLE.activator} activates it`);
  }
  if (approval.status === 'pending' || approval.status === 'granted') {
    await until(`“${imported.name}” to be active`, async () => {
      const { items } = await activator.get<{ items: PlaybookSummary[] }>('/v1/playbooks');
      return items.find((playbook) => playbook.playbookId === imported.playbookId && playbook.state === 'active');
    });
  }
}

/** Undefined while it is not there yet: the request travels over the bus. */
async function found<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiProblem && error.problem.status === 404) return undefined;
    throw error;
  }
}
