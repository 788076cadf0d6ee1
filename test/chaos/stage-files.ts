import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';
import { DEMO_DATA } from '../../services/demo/src/demo-data';

/** After so long nobody may decide the approvals that nobody is to decide. Seconds. */
export const SHORT_DEADLINE_SECONDS = 20;
/** Above every outage that a round of faults can add up to: what then still times out has been forgotten. */
export const STEP_TIMEOUT_MS = 1_800_000;

/** The shipped policy, but for one action whose approval is over soon. */
export function chaosPolicy(data: string): string {
  const shipped = readFileSync(join(repositoryRoot, 'services', 'approval', 'policy.yaml'), 'utf8');
  const exception = `
  - connector: identity
    action: enable_account
    approval: { roles: [owner], grants: 1, deadline: ${SHORT_DEADLINE_SECONDS}s }
`;
  const file = join(data, 'policy.yaml');
  writeFileSync(file, replaced(shipped, 'exceptions: []', `exceptions:${exception}`));
  return file;
}

/** The shipped playbooks with timeouts that no outage exceeds, and one whose approval expires. Resolves to the folder. */
export function chaosPlaybooks(data: string): string {
  const folder = join(data, 'playbooks');
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(DEMO_DATA.playbooks)) {
    const text = readFileSync(join(DEMO_DATA.playbooks, file), 'utf8');
    writeFileSync(join(folder, file), text.replaceAll(/ timeout: \d+/g, ` timeout: ${STEP_TIMEOUT_MS}`));
  }
  writeFileSync(join(folder, 'give-back.yaml'), giveBack());
  return folder;
}

/** Asks for an account to be enabled again, where a case says "locked out"; made of the smallest shipped playbook. */
function giveBack(): string {
  const triage = readFileSync(join(DEMO_DATA.playbooks, 'triage-note.yaml'), 'utf8');
  const changes: readonly (readonly [string, string])[] = [
    ['0d7e7c1b0002', '0d7e7c1b0009'],
    ['name: Triage note', 'name: Give an account back'],
    ["__case_severity__:value = 'medium'", "__case_title__:value LIKE '%locked out%'"],
    ['  __alert_source__:', '  __user__: { type: string, external: true }\n  __alert_source__:'],
    ['name: Open a ticket', 'name: Enable the account'],
    ['connection: ticketing', 'connection: identity'],
    ['action: create_ticket', "action: enable_account\n        target: { type: account, value: '__user__:value' }"],
    [
      `          title: '__case_title__:value'
          description: 'Case __case_id__:value, reported by __alert_source__:value.'
          severity: '__case_severity__:value'
        outputs: { ticket_id: __ticket_id__ }
`,
      `          comment: 'Countersign case __case_id__:value'
`,
    ],
    ['timeout: 60000', `timeout: ${STEP_TIMEOUT_MS}`],
  ];
  return changes
    .reduce((text, [from, to]) => replaced(text, from, to), triage)
    .replaceAll('timeout: 60000', `timeout: ${STEP_TIMEOUT_MS}`);
}

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`'${from}' is not in what is shipped any more`);
  return text.replace(from, to);
}
