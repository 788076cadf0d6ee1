import { parseWitnesses, readWitnesses } from './witnesses-file';

const parse = (text: string) => parseWitnesses(text, '/etc/countersign/witnesses.yaml');

describe('the file of witnesses', () => {
  it('names a place for each, with paths from where it lies', () => {
    expect(
      parse(`witnesses:
        - { name: disk, file: ../worm/checkpoints.ndjson }
        - { name: siem, everySeconds: 5, webhook: 'https://siem.example/hook' }
        - { name: partner, countersign: 'https://partner.example/', tokenFile: partner.token }`),
    ).toEqual([
      { name: 'disk', everyMs: 60_000, kind: 'file', path: '/etc/worm/checkpoints.ndjson' },
      { name: 'siem', everyMs: 5_000, kind: 'webhook', url: 'https://siem.example/hook' },
      {
        name: 'partner',
        everyMs: 60_000,
        kind: 'countersign',
        url: 'https://partner.example',
        tokenFile: '/etc/countersign/partner.token',
      },
    ]);
    expect(readWitnesses(undefined)).toEqual([]);
  });

  it.each([
    ['witnesses: [', /is not valid YAML/],
    ['witnesses: [{ name: Disk, file: a }]', /witnesses\[0\]\.name/],
    ['witnesses: [{ name: a, file: a, webhook: "https://b" }]', /witnesses\[0\] must have one of/],
    ['witnesses: [{ name: a }]', /witnesses\[0\] must have one of/],
    ['witnesses: [{ name: a, webhook: "ftp://b" }]', /witnesses\[0\]\.webhook/],
    ['witnesses: [{ name: a, countersign: "https://b" }]', /needs a tokenFile/],
    ['witnesses: [{ name: a, file: a }, { name: a, file: b }]', /two witnesses of the name a/],
    ['witnesses: [{ name: a, file: a, every: 5 }]', /witnesses\[0\]\.every/],
  ])('%s is refused', (text, reason) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: 'invalid_configuration', reason: expect.stringMatching(reason) }),
    );
  });
});
