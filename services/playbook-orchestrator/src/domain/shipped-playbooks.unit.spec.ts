import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { demandPlaybook, parseDocument, type Playbook, playbookExtensionOf } from '#libs/cacao';
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
