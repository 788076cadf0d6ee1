import { DomainError } from '#libs/kernel';
import { FormatRegistry } from '../domain/formats/format-registry';
import { parseMapping } from './mapping-folder';

const valid = `
name: acme
product: { name: Edr, vendor: Acme }
recognize: [detection.rule]
id: [[detection.id, tenant], $digest]
severity: { field: detection.level, words: { Bad: high }, ranges: [{ up_to: 5, is: low }, { up_to: 10, is: critical }] }
fields: { title: detection.rule, time: at, user: [who.name, who.login], source_ip: from }
`;
const reception = { receivedAt: 1_795_528_800_000, digest: 'd'.repeat(64) };
const problem = (text: string): DomainError => {
  try {
    parseMapping('acme.yaml', text);
  } catch (error) {
    if (error instanceof DomainError) return error;
  }
  throw new Error('the mapping was accepted');
};

describe('a mapping', () => {
  const format = parseMapping('acme.yaml', valid);
  const alert = {
    detection: { id: 7, rule: 'Beacon', level: 'bad' },
    tenant: 'eu',
    at: '2026-11-24 14:00:00',
    'who.login': 'ada',
    from: '192.0.2.1',
  };

  it('reads an alert by its paths, nested or dotted', () => {
    expect(new FormatRegistry([format]).detected(alert)).toBe(format);
    expect(format.normalize(alert, reception)).toMatchObject({
      identity: ['7', 'eu'],
      finding: {
        severity_id: 4,
        time: Date.parse('2026-11-24T14:00:00Z'),
        metadata: { product: { vendor_name: 'Acme' } },
        evidences: [{ actor: { user: { name: 'ada' } }, src_endpoint: { ip: '192.0.2.1' } }],
      },
    });
  });

  it.each([
    [5, 2],
    [6, 5],
    [11, 0],
  ])('takes the range of a level %d', (level, severity_id) => {
    expect(format.normalize({ detection: { rule: 'x', level } }, reception)).toMatchObject({
      identity: [reception.digest],
      finding: { severity_id },
    });
  });

  it.each([
    ['name: Acme Edr', 'name'],
    ['product: Edr', 'product'],
    ['id: []', 'id'],
    ['fields: { titel: x }', 'fields.titel'],
    ['fields: { title: 7 }', 'fields.title'],
    ['severity: { field: x, words: { a: awful } }', 'severity.words.a'],
    ['extra: 1', 'extra'],
  ])('that says %s is refused with the field and the reason', (line, field) => {
    const key = line.slice(0, line.indexOf(':'));
    const text = `${valid.replace(new RegExp(`^${key}: .*$`, 'm'), '')}\n${line}\n`;
    expect(problem(text)).toMatchObject({ code: 'invalid_mapping', field: `acme.yaml: ${field}` });
  });

  it('that is no YAML is refused', () => {
    expect(problem('name: [')).toMatchObject({ code: 'invalid_mapping', field: 'acme.yaml' });
  });

  it('may not take the name of another format', () => {
    const twice = parseMapping('eve.yaml', valid.replace('name: acme', 'name: suricata-eve'));
    expect(() => new FormatRegistry([twice])).toThrow(expect.objectContaining({ code: 'invalid_mapping' }));
  });
});
