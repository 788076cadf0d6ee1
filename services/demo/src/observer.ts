import type { CaseSummary } from '#contracts/http/case';
import type { IngestAccount } from '#contracts/http/ingest';
import type { RunSummary, RunView } from '#contracts/http/playbook-orchestrator';
import type { DemoClients } from './clients';
import type { Narrator } from './narrator';

interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

/** Looks at the services' own APIs and tells what is new since the last look. */
export class Observer {
  private readonly cases = new Set<string>();
  private readonly steps = new Map<string, string>();
  private readonly ended = new Set<string>();
  private account = '';

  constructor(
    private readonly clients: DemoClients,
    private readonly narrator: Narrator,
  ) {}

  /** What was there before this demo began is not told. */
  async ignoreThePast(): Promise<void> {
    for (const { caseId } of await this.allCases()) this.cases.add(caseId);
    for (const { runId, status } of await this.allRuns()) if (isEnded(status)) this.ended.add(runId);
  }

  async look(): Promise<void> {
    await this.tellAccount();
    for (const found of (await this.allCases()).reverse()) this.tellCase(found);
    for (const run of (await this.allRuns()).reverse()) {
      if (!this.ended.has(run.runId)) await this.tellRun(run);
    }
  }

  async allCases(): Promise<CaseSummary[]> {
    return this.all<CaseSummary>('/v1/cases');
  }

  async allRuns(): Promise<RunSummary[]> {
    return this.all<RunSummary>('/v1/runs');
  }

  private async all<T>(path: string): Promise<T[]> {
    const client = await this.clients.as('importer');
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const page: Page<T> = await client.get<Page<T>>(path, { limit: 500, cursor });
      items.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined);
    return items;
  }

  private async tellAccount(): Promise<void> {
    const client = await this.clients.as('importer');
    const { total } = await client.get<IngestAccount>('/v1/ingest/account');
    const { received, ...outcomes } = total;
    const text = `alerts: ${received} received = ${Object.entries(outcomes)
      .map(([outcome, count]) => `${count} ${outcome}`)
      .join(' + ')}`;
    if (received > 0 && text !== this.account) this.narrator.say(text);
    this.account = text;
  }

  private tellCase({ caseId, title, severity, alertCount, verdict }: CaseSummary): void {
    if (this.cases.has(caseId)) return;
    this.cases.add(caseId);
    this.narrator.say(
      `case opened: ${title} (${severity}, verdict ${verdict}, ${alertCount} alert${alertCount === 1 ? '' : 's'}) ${caseId}`,
    );
  }

  private async tellRun({ runId, playbookName }: RunSummary): Promise<void> {
    const client = await this.clients.as('importer');
    const run = await client.get<RunView>(`/v1/runs/${runId}`);
    for (const step of run.steps) {
      if (step.kind !== 'action') continue;
      const key = `${runId} ${step.stepId}`;
      if (this.steps.get(key) === step.status) continue;
      this.steps.set(key, step.status);
      const what = `${playbookName} › ${step.name}${step.target ? ` (${step.target.value})` : ''}`;
      if (step.status === 'completed') this.narrator.good(`${what}: done`);
      else if (step.status === 'failed') this.narrator.bad(`${what}: ${step.code ?? 'failed'} ${step.reason ?? ''}`);
      else if (step.status === 'waiting') this.narrator.say(`${what}: asked for`);
    }
    if (isEnded(run.status)) {
      this.ended.add(runId);
      this.narrator.say(`run of ${playbookName} ${run.status}`);
    }
  }
}

export const isEnded = (status: RunSummary['status']): boolean => status === 'completed' || status === 'failed';
