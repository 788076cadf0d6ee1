import type { CorrelationRules } from './correlation-rule';
import { correlate } from './correlation-rule';
import { alertOf, host, sourceAddress, user } from './alert.fixture';

const rules: CorrelationRules = {
  minimumSeverity: 'low',
  rules: [
    { name: 'critical-user', when: { severityAtLeast: 'critical' }, keys: ['user'], windowMinutes: 10 },
    { name: 'user-on-host', when: {}, keys: ['user', 'host'], windowMinutes: 60 },
    { name: 'from', when: { format: 'splunk' }, keys: ['src_ip'], windowMinutes: 30 },
  ],
  fallback: { windowMinutes: 5 },
};

const ruleOf = (sketch: Parameters<typeof alertOf>[0]) => correlate(rules, alertOf(sketch))?.rule;
const keyOf = (sketch: Parameters<typeof alertOf>[0]) => correlate(rules, alertOf(sketch))?.key;

describe('correlation rules', () => {
  it('take the first rule whose keys the alert has all of', () => {
    expect(ruleOf({ observables: [user('alice'), host('web1')] })).toBe('user-on-host');
    expect(ruleOf({ observables: [user('alice'), sourceAddress('203.0.113.7')] })).toBe('from');
    expect(ruleOf({ observables: [user('alice')], severityId: 5 })).toBe('critical-user');
  });

  it('fall back to source, title and first entity', () => {
    expect(ruleOf({ observables: [user('alice')] })).toBe('fallback');
    expect(keyOf({ observables: [user('alice')] })).not.toBe(keyOf({ observables: [user('bob')] }));
    expect(keyOf({ observables: [], title: 'Scan' })).not.toBe(keyOf({ observables: [], title: 'Login' }));
  });

  it('do not tell upper case from lower', () => {
    expect(keyOf({ observables: [user('Alice'), host('WEB1')] })).toBe(
      keyOf({ observables: [user('alice'), host('web1')] }),
    );
  });

  it('pass over what a warning list calls benign, where there is anything else', () => {
    const resolver = { ...sourceAddress('8.8.8.8'), verdict: 'benign' as const };
    expect(keyOf({ observables: [resolver, sourceAddress('203.0.113.7')] })).toBe(
      keyOf({ observables: [sourceAddress('203.0.113.7')] }),
    );
  });

  it('lead an alert below the minimum severity to no case', () => {
    expect(correlate(rules, alertOf({ severityId: 1 }))).toBeUndefined();
  });

  it('take an alert whose source does not say how grave it is for more than harmless', () => {
    expect(correlate(rules, alertOf({ severityId: 0 }))).toBeDefined();
    expect(correlate(rules, alertOf({ severityId: 99 }))).toBeDefined();
  });
});
