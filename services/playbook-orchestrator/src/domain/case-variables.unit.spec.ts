import type { Observable } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import { CASE_VARIABLES, demandPlaybook } from '#libs/cacao';
import type { JsonObject } from '#libs/kernel';
import { caseVariables } from './case-variables';
import { startVariables } from './start-variables';

const observable = (type: Observable['type'], value: string, rest: Partial<Observable> = {}): Observable => ({
  ...{ type, value, type_id: 2, name: 'somewhere', verdict: 'unknown', score: 0, lists: [] },
  ...rest,
});
const opened = (observables: Observable[]): CaseEvent & { type: 'CaseOpened' } => ({
  type: 'CaseOpened',
  data: {
    ...{
      caseId: 'c',
      alertId: 'a',
      sourceId: 's',
      source: 'siem',
      alertTitle: 'An alert',
      alertTime: 't',
      alertSeverity: 'high',
    },
    ...{ observables, attack: ['T1110', 'TA0006'], verdict: 'malicious', score: 90 },
    ...{ title: 'x'.repeat(900), severity: 'critical', rule: 'r' },
  },
});
const variablesOf = (observables: Observable[]) => {
  const event = opened(observables);
  return caseVariables(event, event.data);
};

describe('the variables of a case', () => {
  it('are all that are documented', () => {
    expect(Object.keys(variablesOf([])).sort()).toEqual(Object.keys(CASE_VARIABLES).sort());
  });

  it('are null where the case does not say', () => {
    expect(variablesOf([])).toMatchObject({
      __source_ip__: null,
      __malicious_ip__: null,
      __user__: null,
      __score__: '90',
    });
  });

  it('tell where it came from and what is malicious', () => {
    const values = variablesOf([
      observable('ip', '192.0.2.1', { name: 'evidences[0].dst_endpoint.ip' }),
      observable('ip', '203.0.113.7', { name: 'evidences[0].src_endpoint.ip', verdict: 'malicious', score: 70 }),
      observable('ip', '2001:db8::7', { verdict: 'malicious', score: 95 }),
      observable('username', 'jdoe'),
      observable('domain', 'evil.example', { verdict: 'suspicious', score: 60 }),
    ]);
    expect(values).toMatchObject({
      ...{ __source_ip__: '203.0.113.7', __source_ip_type__: 'ipv4-addr', __destination_ip__: '192.0.2.1' },
      ...{ __malicious_ip__: '2001:db8::7', __malicious_ip_type__: 'ipv6-addr' },
      ...{ __malicious_domain__: null, __domain__: 'evil.example', __user__: 'jdoe', __attack__: 'T1110, TA0006' },
    });
    expect(values.__case_title__).toHaveLength(300);
  });
});

describe('the start values of a run', () => {
  const document: JsonObject = {
    ...{
      type: 'playbook',
      spec_version: 'cacao-2.0',
      id: 'playbook--c7a5e1d0-5b0e-4f6e-9a51-0d7e7c1b0001',
      name: 'A playbook',
    },
    ...{
      created_by: 'identity--c7a5e1d0-5b0e-4f6e-9a51-0d7e7c1b0002',
      created: '2026-11-24T00:00:00Z',
      modified: '2026-11-24T00:00:00Z',
    },
    workflow_start: 'start--c7a5e1d0-5b0e-4f6e-9a51-0d7e7c1b0003',
    workflow: {
      'start--c7a5e1d0-5b0e-4f6e-9a51-0d7e7c1b0003': {
        type: 'start',
        on_completion: 'end--c7a5e1d0-5b0e-4f6e-9a51-0d7e7c1b0004',
      },
      'end--c7a5e1d0-5b0e-4f6e-9a51-0d7e7c1b0004': { type: 'end' },
    },
    playbook_variables: {
      __user__: { type: 'string', external: true },
      __host__: { type: 'string', value: 'mine' },
      __limit__: { type: 'integer', value: '5', external: true },
      __fixed__: { type: 'string', value: 'x', constant: true, external: true },
    },
  };
  const { playbook } = demandPlaybook(document);

  it('are declared ones, those of the case for external variables, and what a person set over both', () => {
    expect(
      startVariables(playbook, { __user__: 'jdoe', __host__: 'other', __case_id__: 'c' }, { __limit__: 7 }),
    ).toEqual({
      __user__: { type: 'string', value: 'jdoe' },
      __host__: { type: 'string', value: 'mine' },
      __limit__: { type: 'integer', value: '7' },
      __fixed__: { type: 'string', value: 'x' },
    });
  });

  it.each([
    [{ __nobody__: 1 }, 'variables.__nobody__'],
    [{ __host__: 'x' }, 'variables.__host__'],
    [{ __fixed__: 'y' }, 'variables.__fixed__'],
    [{ __limit__: 'many' }, 'variables.__limit__'],
    [JSON.parse('{"__proto__": "x"}') as JsonObject, 'variables.__proto__'],
  ])('are refused for %j', (overrides, field) => {
    expect(() => startVariables(playbook, {}, overrides)).toThrow(
      expect.objectContaining({ code: 'invalid_field', field }),
    );
  });
});
