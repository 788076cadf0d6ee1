import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';
import { asyncApiDocument } from './asyncapi';
import { SERVICES, type ServiceName } from './envelope';
import {
  ALERTS_TOPIC,
  BULK_ALERTS_TOPIC,
  BULK_ENRICHED_ALERTS_TOPIC,
  CONSUMED_TOPICS,
  contractsOf,
  deadTopic,
  ENRICHED_ALERTS_TOPIC,
  TOPICS,
  URGENT_ALERTS_TOPIC,
  URGENT_ENRICHED_ALERTS_TOPIC,
} from './topics';

interface Document {
  readonly channels: Record<string, { readonly address: string; readonly messages: Record<string, unknown> }>;
  readonly operations: Record<string, { readonly action: string; readonly messages: readonly unknown[] }>;
}

describe('the AsyncAPI document', () => {
  const document = asyncApiDocument();
  // Built above as AsyncAPI has it; the reference parser checks that in `npm run verify`.
  const { channels, operations } = document as unknown as Document;

  it('has a channel for each topic and its dead letters, with everything that it carries', () => {
    expect(Object.keys(channels).toSorted()).toEqual([...TOPICS, ...TOPICS.map(deadTopic)].toSorted());
    for (const topic of TOPICS) {
      const versions = Object.values(contractsOf(topic)).map(({ type, version }) => `${type}.v${version}`);
      expect(Object.keys(channels[topic]?.messages ?? {})).toEqual(expect.arrayContaining(versions));
    }
    expect(channels[deadTopic(ALERTS_TOPIC)]).toMatchObject({ address: 'countersign.alerts.dead' });
  });

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '');
    const found = (path: string) =>
      path.split('/').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
    expect(references.length).toBeGreaterThan(100);
    expect(references.filter((path) => found(path) === undefined)).toEqual([]);
  });

  it('says who sends and who receives', () => {
    expect(operations['ingest.send.countersign.alerts']).toMatchObject({ action: 'send' });
    expect(operations['enrichment.receive.countersign.alerts']).toMatchObject({ action: 'receive' });
    expect(operations['enrichment.send.countersign.alerts.dead']).toMatchObject({ action: 'send' });
    expect(operations['case.receive.countersign.alerts.dead']).toMatchObject({ action: 'receive' });
    expect(operations['connector.send.countersign.case']).toBeUndefined();
  });
});

describe('the topics that a service consumes', () => {
  it.each(SERVICES)('are those of the handlers of %s', (service) => {
    expect(handledBy(service).toSorted()).toEqual([...CONSUMED_TOPICS[service]].toSorted());
  });
});

const NAMED: Readonly<Record<string, string>> = {
  ALERTS_TOPIC,
  URGENT_ALERTS_TOPIC,
  BULK_ALERTS_TOPIC,
  ENRICHED_ALERTS_TOPIC,
  URGENT_ENRICHED_ALERTS_TOPIC,
  BULK_ENRICHED_ALERTS_TOPIC,
};

/** By the `@EventPattern(topic, BUS, ...)` in its sources. */
function handledBy(service: ServiceName): string[] {
  const folder = join(repositoryRoot, 'services', service, 'src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /(?<!\.spec)\.ts$/.test(file),
  );
  const sources = files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
  return [...sources.matchAll(/@EventPattern\((.+?), BUS/g)].map(([, topic]) => topicOf(topic ?? ''));
}

/** `'countersign.case'`, `ALERTS_TOPIC` or `deadTopic(ALERTS_TOPIC)`. */
function topicOf(expression: string): string {
  const [, dead] = /^deadTopic\((.+)\)$/.exec(expression) ?? [];
  if (dead !== undefined) return deadTopic(topicOf(dead));
  return NAMED[expression] ?? expression.replaceAll("'", '');
}
