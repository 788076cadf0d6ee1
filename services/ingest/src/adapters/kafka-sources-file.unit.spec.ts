import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readKafkaSources } from './kafka-sources-file';

const folder = mkdtempSync(join(tmpdir(), 'countersign-sources-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string) {
  const file = join(folder, 'sources.yaml');
  writeFileSync(file, text);
  return readKafkaSources(file);
}

const cluster = (topics: string, more = ''): string =>
  `clusters:\n  - name: soc\n    brokers: [kafka:9093]\n${more}    topics:\n${topics}`;

describe('the file of Kafka sources', () => {
  it('is none without a file', () => expect(readKafkaSources(undefined)).toEqual([]));

  it('says what it leaves out', () => {
    expect(read(cluster('      - { topic: edr.alerts, source: edr }'))).toEqual([
      {
        name: 'soc',
        brokers: ['kafka:9093'],
        topics: [
          { topic: 'edr.alerts', source: 'edr', tenant: 'default', from: 'earliest', group: 'countersign.edr.alerts' },
        ],
      },
    ]);
  });

  it.each([
    ['clusters: [', 'cannot be read'],
    ['{}', 'clusters is required'],
    [cluster('      - { topic: a, source: s, from: yesterday }'), 'clusters[0].topics[0].from'],
    [
      cluster(
        '      - { topic: a, source: s }',
        '    sasl: { mechanism: plain, username: u, password: written-out }\n',
      ),
      'clusters[0].sasl.password',
    ],
    [cluster('      - { topic: a, source: s }\n      - { topic: a, source: t }'), "topic of the cluster soc 'a'"],
    [
      cluster('      - { topic: a, source: s, group: g }\n      - { topic: b, source: s, group: g }'),
      "group of the cluster soc 'g'",
    ],
  ])('refuses %j by name', (text, reason) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({
        code: 'invalid_configuration',
        field: 'COUNTERSIGN_KAFKA_SOURCES_FILE',
        reason: expect.stringContaining(reason),
      }),
    );
  });
});
