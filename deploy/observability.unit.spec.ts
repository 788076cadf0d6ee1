import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { SERVICES } from '#contracts/envelope';
import { documentedMetrics } from '../test/metrics/documented-metrics';

const read = (...path: string[]) => readFileSync(join(__dirname, ...path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}
const rules = (parse(read('prometheus', 'rules.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
}
const dashboards = readdirSync(join(__dirname, 'grafana')).map((file) => {
  const dashboard: { uid: string; title: string; panels: Panel[] } = JSON.parse(read('grafana', file));
  return { file, ...dashboard };
});

/** Prometheus's own, of every target. */
const OF_PROMETHEUS = ['up'];
const known = new Map(documentedMetrics().map((metric) => [metric.name, metric]));

/** The names of metrics in an expression: what is neither a function, a keyword, a label nor a text. */
function metricsIn(expr: string): string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\b(by|on|without|ignoring)\s*\([^)]*\)/g, '')
    .replaceAll(/\[[^\]]*\]/g, '');
  const words = [...bare.matchAll(/[a-z_][a-z0-9_]*(?!\s*\(|[a-z0-9_])/gi)].map(([word]) => word);
  return words.filter((word) => !['and', 'or', 'unless', 'le', 'sum', 'max', 'e9'].includes(word));
}

/** A histogram shows itself by three series. */
function metricOf(series: string): string {
  const base = series.replace(/_(bucket|count|sum)$/, '');
  return known.get(base)?.type === 'histogram' ? base : series;
}

const strangers = (expr: string) =>
  metricsIn(expr).filter((series) => !known.has(metricOf(series)) && !OF_PROMETHEUS.includes(series));

/** Labels that Prometheus itself adds, or that every metric has. */
const EVERYWHERE = ['service', 'instance', 'job', 'le'];

/** Labels in an expression that none of its metrics has: it would find nothing, and say so by saying nothing. */
function strangeLabels(expr: string): string[] {
  const has = new Set(metricsIn(expr).flatMap((series) => known.get(metricOf(series))?.labels ?? []));
  const matched = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner = '']) =>
    [...inner.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)].map(([, label = '']) => label),
  );
  const grouped = [...expr.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, inner = '']) => inner.split(/,\s*/));
  return [...matched, ...grouped].filter((label) => !has.has(label) && !EVERYWHERE.includes(label));
}

describe('expressions', () => {
  it('are read for their metrics', () => {
    expect(metricsIn('sum by (topic) (rate(countersign_a_total{x="y"}[5m])) / max(b_seconds) > 4e9 and up')).toEqual([
      'countersign_a_total',
      'b_seconds',
      'up',
    ]);
    expect(strangers('countersign_nothing > 0')).toEqual(['countersign_nothing']);
    expect(strangeLabels('max by (tpic) (countersign_bus_lag_seconds{group="x", grop="y"})')).toEqual(['grop', 'tpic']);
  });
});

describe('the alert rules', () => {
  it.each(rules)('$alert looks at metrics and labels that there are', ({ expr }) => {
    expect(metricsIn(expr)).not.toEqual([]);
    expect([strangers(expr), strangeLabels(expr)]).toEqual([[], []]);
  });

  it.each(rules)('$alert has a severity and a runbook', ({ labels, annotations }) => {
    expect(['info', 'warning', 'critical']).toContain(labels.severity);
    const [file, anchor] = annotations.runbook_url.split('#');
    expect(file).toBe('docs/operations.md');
    const headings = [...read('..', 'docs', 'operations.md').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(headings).toContain(anchor);
  });

  it('are told from each other by their names', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });
});

describe('the dashboards', () => {
  it.each(dashboards)('$file looks at metrics and labels that there are, with a unit', ({ panels }) => {
    const shown = panels.filter(({ type }) => type !== 'row');
    expect(shown.length).toBeGreaterThan(5);
    for (const { title, targets = [], fieldConfig } of shown) {
      expect([title, targets.length > 0, fieldConfig?.defaults.unit !== undefined]).toEqual([title, true, true]);
      for (const { expr } of targets) {
        expect([title, strangers(expr), strangeLabels(expr)]).toEqual([title, [], []]);
      }
    }
  });

  it('show every metric of ours somewhere', () => {
    const exprs = dashboards.flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets));
    const shown = new Set(exprs.flatMap(({ expr }) => metricsIn(expr).map(metricOf)));
    const own = [...known.keys()].filter((name) => name.startsWith('countersign_'));
    expect(own.filter((name) => !shown.has(name))).toEqual([]);
  });
});

describe('the scrape configuration', () => {
  it('has every service at its port', () => {
    const config: { scrape_configs: { static_configs: { targets: string[] }[] }[] } = parse(
      read('prometheus', 'scrape.yaml'),
    );
    const targets = config.scrape_configs.flatMap((job) => job.static_configs.flatMap((one) => one.targets));
    expect(targets.map((target) => target.split(':')[0]).sort()).toEqual([...SERVICES].sort());
    for (const target of targets) {
      const [name = '', port] = target.split(':');
      expect(read('..', 'services', name, 'src', 'service.ts')).toContain(`port: ${port ?? ''}`);
    }
  });
});
