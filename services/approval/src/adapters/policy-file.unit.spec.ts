import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';
import { parsePolicy, readPolicyFile } from './policy-file';

const shipped = join(repositoryRoot, 'services', 'approval', 'policy.yaml');
const yaml = (change: Record<string, string> = {}) =>
  Object.entries({
    write: 'automatic',
    disruptive: '{ roles: [owner], deadline: 4h }',
    activation: '{ roles: [approver, owner], deadline: 7d }',
    warrant: '{ lifetime: 10m }',
    ...change,
  })
    .map(([key, value]) => `${key}: ${value}`)
    .join('\n');

describe('the policy file', () => {
  it('that is shipped asks one owner for what is disruptive, and lets writes run', () => {
    expect(readPolicyFile(shipped)).toMatchObject({
      version: expect.stringMatching(/^[0-9a-f]{64}$/),
      write: 'automatic',
      disruptive: { roles: ['owner'], grants: 1, deadlineMs: 4 * 3_600_000 },
      activation: { roles: ['approver', 'owner'], grants: 1 },
      warrantLifetimeMs: 600_000,
    });
  });

  it('may ask for more people than the effect alone', () => {
    const exceptions = '[{ connector: identity, approval: { roles: [owner], grants: 2, deadline: 1h } }]';
    const policy = parsePolicy(yaml({ exceptions, write: '{ roles: [approver], deadline: 30s }' }), 'policy.yaml');
    expect(policy.exceptions).toMatchObject([
      { connector: 'identity', approval: { grants: 2, deadlineMs: 3_600_000 } },
    ]);
    expect(policy.write).toEqual({ roles: ['approver'], grants: 1, deadlineMs: 30_000 });
  });

  it('has a version that changes with its content and not with its comments', () => {
    const version = (text: string) => parsePolicy(text, 'policy.yaml').version;
    expect(version(`# a comment\n${yaml()}`)).toBe(version(yaml()));
    expect(version(yaml({ warrant: '{ lifetime: 11m }' }))).not.toBe(version(yaml()));
  });

  it.each([
    ['disruptive actions without a human', { disruptive: 'automatic' }, /disruptive/],
    ['zero humans', { disruptive: '{ roles: [owner], grants: 0, deadline: 4h }' }, /disruptive\.grants/],
    ['no role', { disruptive: '{ roles: [], deadline: 4h }' }, /disruptive\.roles/],
    ['a role that may not decide', { disruptive: '{ roles: [analyst], deadline: 4h }' }, /disruptive\.roles/],
    ['no deadline', { disruptive: '{ roles: [owner] }' }, /disruptive\.deadline/],
    ['a deadline of nothing', { activation: '{ roles: [owner], deadline: 0h }' }, /activation\.deadline/],
    ['an exception that lowers', { exceptions: '[{ action: block, approval: automatic }]' }, /exceptions/],
    ['an exception for everything', { exceptions: '[{ approval: { roles: [owner], deadline: 1h } }]' }, /exceptions/],
    ['a warrant for a week', { warrant: '{ lifetime: 7d }' }, /warrant\.lifetime/],
    ['an unknown key', { disruptve: '{}' }, /disruptve/],
    ['a key twice', { disruptive: '{ roles: [owner], deadline: 4h }\nwrite: automatic' }, /YAML/],
  ])('with %s is refused by name', (_, change, message) => {
    expect(() => parsePolicy(yaml(change), 'policy.yaml')).toThrow(message);
  });

  it('that is missing is named', () => {
    expect(() => readPolicyFile('/nowhere/policy.yaml')).toThrow(/COUNTERSIGN_POLICY_FILE: \/nowhere\/policy\.yaml/);
  });
});
