import { alertOf, host, sourceAddress, user } from './alert.fixture';
import { compileRules, correlate, naturalKeyOf } from './correlation-rule';
import { rulesOf } from './correlation-rules.fixture';

const rules = rulesOf(
  [
    { name: 'critical-user', when: { severityAtLeast: 'critical' }, keys: ['user'], windowMinutes: 10 },
    { name: 'user-on-host', keys: ['user', 'host'], windowMinutes: 60 },
    { name: 'from', when: { format: 'splunk' }, keys: ['src_ip'], windowMinutes: 30 },
  ],
  { fallback: { windowMinutes: 5 } },
);

type Sketch = Parameters<typeof alertOf>[0];
const ruleOf = (sketch: Sketch) => correlate(rules, alertOf(sketch))?.rule;
const keyOf = (sketch: Sketch) => {
  const ruling = correlate(rules, alertOf(sketch));
  return ruling?.kind === 'group' ? ruling.key : undefined;
};

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

  it('say of a storm without being told above how many it is only counted', () => {
    expect(correlate(rules, alertOf())).toMatchObject({ suppressAbove: 1000 });
    const told = rulesOf([{ name: 'host', keys: ['host'], windowMinutes: 5, suppress: 'never' }], {
      suppress: { above: 7 },
    });
    expect(correlate(told, alertOf())).toMatchObject({ rule: 'host', suppressAbove: null });
    expect(correlate(told, alertOf({ observables: [] }))).toMatchObject({ rule: 'fallback', suppressAbove: 7 });
  });

  it('take for alike what differs in numbers alone', () => {
    const likeness = (sketch: Sketch) => {
      const ruling = correlate(rules, alertOf(sketch));
      return ruling?.kind === 'group' ? ruling.likeness : undefined;
    };
    expect(likeness({ title: 'Scan of port 22' })).toBe(likeness({ title: 'scan of port 8080' }));
    expect(likeness({ title: 'Scan of port 22' })).not.toBe(likeness({ title: 'Login on port 22' }));
    expect(likeness({ severityId: 4 })).not.toBe(likeness({ severityId: 5 }));
  });

  it('drop what they say, also below the minimum severity, and say why', () => {
    const dropping = rulesOf([
      { name: 'scanner', when: { observable: { in: '203.0.113.0/24' } }, drop: 'our own scanner' },
      { name: 'host', keys: ['host'], windowMinutes: 5 },
    ]);
    const drop = { kind: 'drop', rule: 'scanner', reason: 'our own scanner' };
    const fromScanner = { observables: [host('web1'), sourceAddress('203.0.113.7')] };
    expect(correlate(dropping, alertOf(fromScanner))).toEqual(drop);
    expect(correlate(dropping, alertOf({ ...fromScanner, severityId: 1 }))).toEqual(drop);
    expect(correlate(dropping, alertOf())).toMatchObject({ rule: 'host' });
  });
});

describe('the condition of a rule', () => {
  const holds = (when: Parameters<typeof rulesOf>[0][number]['when'], sketch: Sketch) =>
    correlate(rulesOf([{ name: 'it', when, drop: 'yes' }]), alertOf(sketch))?.rule === 'it';

  it.each([
    [{ severityAtLeast: 'high' }, {}, true],
    [{ severityAtLeast: 'critical' }, {}, false],
    [{ severityAtMost: 'medium' }, {}, false],
    [{ severityAtMost: 'high' }, {}, true],
    [{ source: 'siem' }, {}, true],
    [{ source: ['edr', 'siem'] }, {}, true],
    [{ source: 'edr' }, {}, false],
    [{ format: ['elastic'] }, {}, false],
    [{ title: '^Brute' }, {}, true],
    [{ title: '^brute' }, {}, false],
    [{ title: '(?i)FORCE$' }, {}, true],
    [{ attack: 'T1110' }, {}, true],
    [{ attack: ['T1059', 'T1110.001'] }, {}, false],
    [{ observable: { type: 'hostname', value: 'WEB1' } }, {}, true],
    [{ observable: { type: 'ip', value: 'web1' } }, {}, false],
    [{ observable: { in: ['10.0.0.0/8', '2001:db8::/32'] } }, { observables: [sourceAddress('2001:db8::7')] }, true],
    [{ observable: { in: '10.0.0.0/8' } }, { observables: [sourceAddress('11.0.0.1')] }, false],
    [{ observable: { in: '10.0.0.0/8' } }, { observables: [host('10.example')] }, false],
    [{ observable: { verdictAtLeast: 'suspicious' } }, {}, false],
    [{ severityAtLeast: 'high', source: 'edr' }, {}, false],
  ] as const)('%j of %j is %s', (when, sketch, expected) => {
    const copied = JSON.parse(JSON.stringify(when));
    expect(holds(copied, sketch as Sketch)).toBe(expected);
  });

  it('takes a technique for its sub-techniques too, and not for another one', () => {
    const of = (attack: string) =>
      correlate(rulesOf([{ name: 'it', when: { attack: 'T1110' }, drop: 'yes' }]), { ...alertOf(), attack: [attack] });
    expect(of('T1110.003')).toMatchObject({ kind: 'drop' });
    expect(of('T1111')).toMatchObject({ kind: 'group' });
  });

  it('takes time in proportion to the title, whatever the expression', () => {
    const { cpu } = { cpu: process.cpuUsage() };
    holds({ title: '^(a+)+$' }, { title: `${'a'.repeat(900)}!` });
    expect(process.cpuUsage(cpu).user).toBeLessThan(5_000_000);
  });
});

describe('a natural key', () => {
  const naturals = rulesOf([], {
    naturalKeys: [{ name: 'flow', when: { format: 'splunk' }, fields: ['title', 'src_ip'], windowMinutes: 10 }],
  });

  it('needs all of its fields', () => {
    expect(naturalKeyOf(naturals, alertOf())).toBeUndefined();
    const natural = naturalKeyOf(naturals, alertOf({ observables: [sourceAddress('203.0.113.7')] }));
    expect(natural).toMatchObject({ rule: 'flow', windowMinutes: 10 });
  });

  it('is one of its source', () => {
    const alert = alertOf({ observables: [sourceAddress('203.0.113.7')] });
    const other = { ...alert, sourceId: alert.alertId };
    expect(naturalKeyOf(naturals, alert)?.key).not.toBe(naturalKeyOf(naturals, other)?.key);
  });
});

describe('rules that contradict themselves', () => {
  it('are refused, each where it stands', () => {
    const escalate = [
      { alerts: 2, withinMinutes: 5 },
      { raiseTo: 'high' as const, severityAtLeast: 'high' as const },
    ];
    const found = compileRules({
      minimumSeverity: 'low',
      naturalKeys: [{ name: 'a', when: { title: '(' }, fields: ['title'], windowMinutes: 1 }],
      rules: [
        { name: 'a', keys: ['host'], windowMinutes: 5 },
        { name: 'b', drop: 'why', keys: ['host'] },
        { name: 'c', when: { observable: { in: '10.0.0.0/40' } }, keys: ['host'], escalate },
      ],
      fallback: { windowMinutes: 5 },
    });
    expect('document' in found ? [] : found.map(({ field }) => field)).toEqual([
      'rules[0].name',
      'rules[1].keys',
      'rules[1].when',
      'rules[2].windowMinutes',
      'rules[2].escalate[0]',
      'rules[2].when.observable.in',
      'naturalKeys[0].when.title',
    ]);
  });
});
