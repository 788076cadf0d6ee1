import type { Command } from 'commander';
import type { CaseSummary, CaseView, EventView, SimilarCases, TimelineEntry } from '#contracts/http/case';
import { fields, print, section, table, when } from '../output';
import { signedIn } from '../session';

interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

interface ListOptions {
  readonly status?: string;
  readonly severity?: string;
  readonly owner?: string;
  readonly limit: string;
}

export function casesCommand(program: Command): void {
  const cases = program.command('cases').description('List cases and look into one');
  cases
    .command('list')
    .description('Cases, the last changed first')
    .option('--status <status>', 'new, in_progress, on_hold, resolved or closed')
    .option('--severity <severity>', 'informational, low, medium, high or critical')
    .option('--owner <subject>')
    .option('--limit <n>', 'at most', '50')
    .action(async ({ status, severity, owner, limit }: ListOptions, command: Command) => {
      const client = await signedIn(command);
      const page = await client.get<Page<CaseSummary>>('/v1/cases', { status, severity, owner, limit });
      print(command, page, () => describeList(page));
    });
  cases
    .command('show')
    .argument('<id>', 'the case’s id')
    .description('One case with its timeline; --at shows it as it was')
    .option('--at <time>', 'RFC 3339: 2026-11-24T14:05:00Z')
    .option('--events', 'the case’s own events instead')
    .action(async (id: string, { at, events }: { at?: string; events?: boolean }, command: Command) => {
      const client = await signedIn(command);
      const path = `/v1/cases/${encodeURIComponent(id)}`;
      if (events) {
        const page = await client.get<Page<EventView>>(`${path}/events`);
        print(command, page, () =>
          table(
            ['version', 'time', 'type', 'by', 'hash'],
            page.items.map((e) => [e.version, when(e.time), e.type, e.actor.id, e.hash.slice(0, 16)]),
          ),
        );
        return;
      }
      const view = await client.get<CaseView>(path, { at });
      const timeline = await client.get<Page<TimelineEntry>>(`${path}/timeline`, { at, limit: 500 });
      print(command, { ...view, timeline: timeline.items }, () => describeCase(view, timeline.items));
    });
  cases
    .command('similar')
    .argument('<id>', 'the case’s id')
    .description('Cases that have observables in common with it, the rarest first')
    .option('--limit <n>', 'at most', '20')
    .action(async (id: string, { limit }: { limit: string }, command: Command) => {
      const client = await signedIn(command);
      const found = await client.get<SimilarCases>(`/v1/cases/${encodeURIComponent(id)}/similar`, { limit });
      print(command, found, () => describeSimilar(found));
    });
}

function describeSimilar({ items, hot }: SimilarCases): string {
  const shown = (shared: SimilarCases['hot']) => shared.map(({ type, value }) => `${type} ${value}`).join(', ');
  const rows = items.map((item) => [
    item.case.caseId,
    item.score,
    item.case.status,
    item.case.title,
    shown(item.shared),
  ]);
  const list = table(['id', 'score', 'status', 'title', 'in common'], rows);
  return hot.length === 0 ? list : `${list}\nToo common to tell anything: ${shown(hot)}.`;
}

function describeList({ items, next }: Page<CaseSummary>): string {
  const rows = items.map((c) => [
    c.caseId,
    c.severity,
    c.status,
    c.owner,
    c.alertCount,
    c.verdict,
    when(c.updatedAt),
    c.title,
  ]);
  const list = table(['id', 'severity', 'status', 'owner', 'alerts', 'verdict', 'updated', 'title'], rows);
  return next ? `${list}\nThere are more: raise --limit.` : list;
}

function describeCase(view: CaseView, timeline: readonly TimelineEntry[]): string {
  const { caseId, title, status, severity, owner, verdict, score, alertCount, openedAt, updatedAt, attack } = view;
  const { suppressedAlerts, links } = view;
  const head = fields({
    case: caseId,
    title,
    status,
    severity,
    owner,
    alerts: suppressedAlerts > 0 ? `${alertCount}, and ${suppressedAlerts} only counted` : alertCount,
    verdict: `${verdict} (${score})`,
    attack: attack.join(', '),
    links: links.map(({ caseId: linked, entity }) => `${linked} (${entity})`).join(', '),
    opened: when(openedAt),
    updated: when(updatedAt),
    at: view.at,
  });
  const observables = view.observables.map((o) => [o.type, o.value, o.verdict, o.score, o.lists.join(', ')]);
  const story = timeline.map((entry) => [when(entry.time), entry.text, entry.actor.id]);
  return [
    head,
    section('Observables', table(['type', 'value', 'verdict', 'score', 'lists'], observables)),
    section('Timeline', table(['time', 'what', 'by'], story)),
  ].join('\n');
}
