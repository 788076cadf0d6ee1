import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVICES } from '#contracts/envelope';
import { dataFolder, emptyDataFolder } from '#libs/local';
import { ServiceMetrics } from '#libs/service';
import { type AllInOne, startAllInOne } from '../../services/all-in-one/src/start-all-in-one';
import { documentedMetrics } from './documented-metrics';

jest.setTimeout(240_000);

const home = mkdtempSync(join(tmpdir(), 'countersign-metrics-'));
const dataDir = join(home, 'data');
let running: AllInOne;
let pages: ReadonlyMap<string, string>;

beforeAll(async () => {
  running = await startAllInOne({ dataDir, profile: 'development', ports: 'free', quiet: true });
  const read = [...running.services.values()].map(async ({ name, url }) => {
    const answer = await fetch(`${url}/metrics`);
    return [name, await answer.text()] as const;
  });
  pages = new Map(await Promise.all(read));
});
afterAll(async () => {
  await running.stop();
  await emptyDataFolder(dataFolder(dataDir));
  await rm(home, { recursive: true });
});

/** `name type service` for each metric of each page. */
function shown(): string[] {
  return [...pages].flatMap(([service, page]) =>
    [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name ?? ''} ${type ?? ''} ${service}`),
  );
}

describe('docs/metrics.md', () => {
  it('lists every metric that a service shows, with its type, and none that it does not', () => {
    const listed = documentedMetrics().flatMap(({ name, type, service }) =>
      (service === undefined ? SERVICES : [service]).map((one) => `${name} ${type} ${one}`),
    );
    expect(shown().sort()).toEqual(listed.sort());
  });

  it('lists the labels of each', () => {
    const labels = new Map<string, string[]>();
    for (const { app } of running.services.values()) {
      const registered = app.get(ServiceMetrics, { strict: false }).prometheus.getMetricsAsArray();
      for (const metric of registered) {
        if ('labelNames' in metric && Array.isArray(metric.labelNames)) labels.set(metric.name, metric.labelNames);
      }
    }
    const own = documentedMetrics().filter(({ name }) => name.startsWith('countersign_'));
    expect(own.map(({ name }) => [name, labels.get(name)])).toEqual(own.map(({ name, labels }) => [name, labels]));
  });
});

describe('metrics', () => {
  it('have names as Prometheus wants them, and say what they are', () => {
    for (const { name, type, what } of documentedMetrics().filter(({ name }) => name.startsWith('countersign_'))) {
      expect([name, what.length > 0]).toEqual([name, true]);
      expect([name, type === 'counter']).toEqual([name, name.endsWith('_total')]);
      if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/);
    }
    for (const [service, page] of pages) {
      const helpless = [...page.matchAll(/^# HELP (\S+) *$/gm)].map(([, name]) => `${service} ${name ?? ''}`);
      expect(helpless).toEqual([]);
    }
  });

  it('say of which service they are', () => {
    for (const [service, page] of pages) {
      const samples = page.split('\n').filter((line) => line.startsWith('countersign_'));
      expect([service, samples.length > 0]).toEqual([service, true]);
      expect(samples.filter((line) => !line.includes(`service="${service}"`))).toEqual([]);
    }
  });

  it('are counted of what has happened: what the services say of themselves at their start is appended and handled', () => {
    const page = pages.get('approval') ?? '';
    expect(Number(/^countersign_ledger_append_duration_seconds_count\{[^}]*\} (\d+)/m.exec(page)?.[1])).toBeGreaterThan(
      0,
    );
    expect(page).toMatch(
      /^countersign_bus_lag_seconds\{topic="countersign\.run",partition="0",group="countersign\.approval"/m,
    );
    expect(page).toMatch(/^countersign_database_connections\{pool="read-models",state="waiting"/m);
  });
});
