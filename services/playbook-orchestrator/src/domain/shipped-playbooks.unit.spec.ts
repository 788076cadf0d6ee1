import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CASE_VARIABLES, demandPlaybook, parseDocument, type Playbook, playbookExtensionOf } from '#libs/cacao';
import { matchingTrigger } from './trigger';

const folder = join(__dirname, '../../playbooks');
const load = (file: string): Playbook =>
  demandPlaybook(parseDocument(readFileSync(join(folder, file), 'utf8'), 'yaml')).playbook;

describe('the shipped playbooks', () => {
  it.each(readdirSync(folder))('%s is valid CACAO 2.0, can be executed and has a trigger', (file) => {
    const { validation, playbook } = demandPlaybook(parseDocument(readFileSync(join(folder, file), 'utf8'), 'yaml'));
    expect(validation.findings).toEqual([]);
    expect(playbookExtensionOf(playbook).triggers).toHaveLength(1);
  });

  const at = new Date('2026-11-24T12:00:00Z');
  it.each([
    ['contain-brute-force.yaml', { __verdict__: 'malicious', __case_severity__: 'high' }, true],
    ['contain-brute-force.yaml', { __verdict__: 'malicious', __case_severity__: 'medium' }, false],
    ['contain-brute-force.yaml', { __verdict__: 'suspicious', __case_severity__: 'critical' }, false],
    ['triage-note.yaml', { __case_severity__: 'medium' }, true],
    ['triage-note.yaml', { __case_severity__: 'low' }, false],
    ['phishing-report.yaml', { __case_title__: 'User-reported phishing', __domain__: 'evil.example' }, true],
    ['phishing-report.yaml', { __case_title__: 'User-reported phishing' }, false],
  ])('%s for %j: %s', (file, values, starts) => {
    expect(matchingTrigger(load(file), 'case_opened', values, at) !== undefined).toBe(starts);
    expect(matchingTrigger(load(file), 'alert_grouped', values, at)).toBeUndefined();
  });
});

describe('the playbook that docs/writing-a-playbook.md begins with', () => {
  it('is valid and can be executed', () => {
    const guide = readFileSync(join(__dirname, '../../../../docs/writing-a-playbook.md'), 'utf8');
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(guide) ?? [];
    expect(demandPlaybook(parseDocument(example, 'yaml')).validation).toMatchObject({ executable: true, findings: [] });
  });
});

describe('the variables of a case in docs/writing-a-playbook.md', () => {
  it('are all that there are', () => {
    const guide = readFileSync(join(__dirname, '../../../../docs/writing-a-playbook.md'), 'utf8');
    const section = guide.slice(guide.indexOf('### Variables of the case'), guide.indexOf('## Conditions'));
    const named = [...section.matchAll(/`(__\w+__)`/g)].map(([, name]) => name);
    expect(named.sort()).toEqual(Object.keys(CASE_VARIABLES).sort());
  });
});
