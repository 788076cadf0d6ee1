import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMappings } from '../adapters/mapping-folder';
import { FormatRegistry } from '../domain/formats/format-registry';
import { receive } from './alert-reception';

interface Line {
  readonly source: string;
  readonly format?: string;
  readonly body: unknown;
}

const folder = join(__dirname, '../../../demo/data');
const lines = readFileSync(join(folder, 'alerts.ndjson'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line): Line => JSON.parse(line));
const formats = new FormatRegistry(readMappings(join(__dirname, '../../mappings')));

const receptions = lines.flatMap(({ source, format, body }) => {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const origin = { tenant: 'default', sourceId: source, source, askedFormat: format, sourceFormat: undefined };
  return [...receive({ bytes, size: bytes.length }, origin, formats, new Date('2026-11-24T15:00:00Z'))];
});

/** What the case service makes of them: the first of an id, a repeat of its last version, or another version. */
function outcomes() {
  const digests = new Map<string, string>();
  const counts = { received: receptions.length, first: 0, updated: 0, duplicate: 0, rejected: 0 };
  for (const received of receptions) {
    if (received.kind === 'refused') {
      counts.rejected += 1;
      continue;
    }
    const { alertId, digest } = received.alert;
    const known = digests.get(alertId);
    if (known === undefined) counts.first += 1;
    else if (known === digest) counts.duplicate += 1;
    else counts.updated += 1;
    digests.set(alertId, digest);
  }
  return counts;
}

describe('the alerts of the demo', () => {
  it('are as many of each kind as their README says', () => {
    const readme = readFileSync(join(folder, 'README.md'), 'utf8').replace(/ +/g, ' ');
    const row = Object.entries(outcomes()).map(([name, count]) => `| ${name} | ${count} |`);
    for (const line of row) expect(readme).toContain(line);
  });

  it('are told by the format that they name, and the same without it', () => {
    for (const [index, { format, body }] of lines.entries()) {
      const received = receptions[index];
      if (received?.kind !== 'accepted') continue;
      expect(received.alert.format).toBe(format);
      expect(formats.detected(JSON.parse(JSON.stringify(body))).name).toBe(format);
    }
  });

  it('that are bad are each bad in a way of their own', () => {
    const refusals = receptions.flatMap((received) =>
      received.kind === 'refused' ? [`${received.alert.code} ${received.alert.field}`] : [],
    );
    expect(refusals).toEqual([
      'invalid_json null',
      'invalid_field event_id',
      'invalid_character user.name',
      'unknown_format null',
      'unknown_format format',
      'invalid_field event_type',
      'invalid_field timestamp',
      'invalid_field class_uid',
    ]);
  });
});
