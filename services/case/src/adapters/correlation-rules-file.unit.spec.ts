import { join } from 'node:path';
import { DomainError } from '#libs/kernel';
import { loadCorrelationRules, parseCorrelationRules } from './correlation-rules-file';

const problemOf = (text: string): string => {
  try {
    parseCorrelationRules(text, 'rules.yaml');
  } catch (error) {
    if (error instanceof DomainError) return error.reason;
    throw error;
  }
  throw new Error('the file was accepted');
};

describe('the file of correlation rules', () => {
  it('is valid as it is shipped', () => {
    const { rules } = loadCorrelationRules(join(__dirname, '..', '..', 'correlation.yaml'));
    expect(rules.rules.map(({ document }) => document.name)).toEqual([
      'user-on-host',
      'host',
      'source-address',
      'user',
    ]);
  });

  it('is refused with the line where it is not YAML', () => {
    expect(problemOf('minimumSeverity: low\nrules: [\n')).toMatch(/^rules\.yaml: line 3, /);
  });

  it('is refused with each field that is wrong', () => {
    const text =
      'minimumSeverity: none\nrules: [{name: a, keys: [shoe], windowMinutes: 0}]\nfallback: {windowMinutes: 5}';
    const problem = problemOf(text);
    for (const field of ['minimumSeverity', 'rules[0].keys[0]', 'rules[0].windowMinutes']) {
      expect(problem).toContain(field);
    }
  });

  it('is refused when two rules have one name', () => {
    const rule = '{name: a, keys: [host], windowMinutes: 5}';
    const text = `minimumSeverity: low\nrules: [${rule}, ${rule}]\nfallback: {windowMinutes: 5}`;
    expect(problemOf(text)).toContain("line 2: is 'a', which is taken");
  });

  it('is refused when it is not there', () => {
    expect(() => loadCorrelationRules('/nowhere/rules.yaml')).toThrow(/ENOENT/);
  });
});
