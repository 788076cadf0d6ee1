import type { CaseSummary, TimelineEntry } from '#contracts/http/case';
import type { IngestAccount } from '#contracts/http/ingest';
import type { BundledAlert } from './alert-stream';
import { readBundledAlerts, streamAlerts } from './alert-stream';
import { DemoClients } from './clients';
import { decide, pendingActions } from './decisions';
import { DEMO_DATA } from './demo-data';
import type { DemoOptions } from './demo-options';
import type { DemoTargets } from './demo-targets';
import type { Narrator } from './narrator';
import { isEnded, Observer } from './observer';
import { checkLedger, collectResult, type DemoResult } from './result';
import { activatePlaybooks, registerConnections, registerSources, type SourceTokens } from './set-up';

export interface Stage {
  readonly clients: DemoClients;
  readonly targets: DemoTargets;
  readonly alerts: readonly BundledAlert[];
  readonly tokens: SourceTokens;
}

/** Connections, sources and playbooks, by the people who do that. Harmless to repeat. */
export async function setTheStage(
  url: string,
  dataFolder: string,
  targets: DemoTargets,
  narrator: Narrator,
): Promise<Stage> {
  const clients = new DemoClients(url);
  const alerts = readBundledAlerts(DEMO_DATA.alerts);
  await registerConnections(clients, targets, dataFolder);
  const tokens = await registerSources(clients, [...new Set(alerts.map(({ source }) => source))], dataFolder);
  await activatePlaybooks(clients, DEMO_DATA.playbooks, narrator);
  return { clients, targets, alerts, tokens };
}

/** Streams the alerts, tells what happens, has the owner decide, and checks the ledger at the end. */
export async function runDemo(
  { clients, targets, alerts, tokens }: Stage,
  { answer, rate }: Pick<DemoOptions, 'answer' | 'rate'>,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<DemoResult> {
  const observer = new Observer(clients, narrator);
  await observer.ignoreThePast();
  narrator.heading(`${alerts.length} alerts arrive, ${rate} a second`);
  const sending = streamAlerts(clients.url, alerts, tokens, {
    rate,
    signal,
    refused: ({ source }, { message }) => narrator.bad(`an alert of ${source} is refused: ${message}`),
  });
  let allSent = false;
  // A failure is thrown where it is awaited below; until then nothing else may report it.
  sending.then(
    () => (allSent = true),
    () => (allSent = true),
  );
  while (!allSent) await lookAndPause(observer, signal);
  await sending;
  await settle(clients, observer, answer, narrator, signal);
  await showTimeline(clients, observer, narrator);
  narrator.heading('The ledger is checked');
  const audit = await checkLedger(clients);
  const verdict = `${audit.events} events; ${audit.verified ? 'every chain holds and a signed checkpoint covers them' : 'NOT verified'}`;
  if (audit.verified) narrator.good(verdict);
  else narrator.bad(verdict);
  return collectResult(clients, observer, targets, audit);
}

/** Until nothing is pending and every run has ended, answering what waits for a human. */
async function settle(
  clients: DemoClients,
  observer: Observer,
  answer: DemoOptions['answer'],
  narrator: Narrator,
  signal: AbortSignal,
): Promise<void> {
  let announced = false;
  for (;;) {
    await lookAndPause(observer, signal);
    const importer = await clients.as('importer');
    const { total } = await importer.get<IngestAccount>('/v1/ingest/account');
    const pending = await pendingActions(clients);
    const open = (await observer.allRuns()).filter((run) => !isEnded(run.status));
    if (total.pending === 0 && pending.length === 0 && open.length === 0) {
      // The last case event may still be on its way to the orchestrator: look once more.
      await lookAndPause(observer, signal);
      if ((await observer.allRuns()).every((run) => isEnded(run.status))) return;
    }
    if (pending.length > 0 && !announced) {
      announced = true;
      narrator.heading('Disruptive steps wait for a human');
    }
    for (const approval of pending) await decide(clients, approval, answer, narrator, signal);
  }
}

/** Of the case in which most happened. */
async function showTimeline(clients: DemoClients, observer: Observer, narrator: Narrator): Promise<void> {
  const importer = await clients.as('importer');
  const runs = await observer.allRuns();
  const contained = new Set(runs.map((run) => run.caseId));
  const cases = (await observer.allCases()).filter(({ caseId }) => contained.has(caseId));
  const worst = cases.sort((a, b) => b.score - a.score || b.alertCount - a.alertCount)[0];
  if (!worst) return;
  narrator.heading(`Timeline of the case “${worst.title}”`);
  narrator.block(await timelineLines(importer, worst));
}

/** How the interpreter walks from step to step is in the timeline too; the demo shows what was done and decided. */
const INNER_STEPS = new Set(['StepStarted', 'StepCompleted']);

async function timelineLines(
  client: Awaited<ReturnType<DemoClients['as']>>,
  { caseId }: CaseSummary,
): Promise<string[]> {
  const { items } = await client.get<{ items: TimelineEntry[] }>(`/v1/cases/${caseId}/timeline`, { limit: 500 });
  return items.filter(({ kind }) => !INNER_STEPS.has(kind)).map(({ time, text }) => `${time.slice(11, 23)}  ${text}`);
}

async function lookAndPause(observer: Observer, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await observer.look();
  await new Promise((resolve) => setTimeout(resolve, 250));
}
