import { createInterface } from 'node:readline/promises';
import type { ApprovalDetail, ApprovalSummary } from '#contracts/http/approval';
import { ApiProblem } from '#libs/client';
import { colours } from './colours';
import type { DemoClients } from './clients';
import type { DemoOptions } from './demo-options';
import type { Narrator } from './narrator';
import { PEOPLE } from './people';

type Answer = NonNullable<DemoOptions['answer']>;

/** The disruptive actions that wait for a human. */
export async function pendingActions(clients: DemoClients): Promise<ApprovalSummary[]> {
  const owner = await clients.as('owner');
  const query = { status: 'pending', kind: 'action', limit: 500 };
  const { items } = await owner.get<{ items: ApprovalSummary[] }>('/v1/approvals', query);
  return [...items].reverse();
}

/** Shows what the approver sees, asks (or takes the given answer), and decides through the approval API. */
export async function decide(
  clients: DemoClients,
  { id }: ApprovalSummary,
  answer: Answer | undefined,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<void> {
  const owner = await clients.as('owner');
  const approval = await owner.get<ApprovalDetail>(`/v1/approvals/${id}`);
  narrator.attention(`${PEOPLE.owner} is asked: ${approval.wording}`);
  narrator.block(whatTheApproverSees(approval));
  const chosen = answer ?? (await ask(signal));
  const body = { digest: approval.digest, comment: `Decided in the demo: ${chosen}.` };
  try {
    await owner.post(`/v1/approvals/${id}/${chosen}`, body);
    if (chosen === 'grant') narrator.good(`${PEOPLE.owner} grants it`);
    else narrator.bad(`${PEOPLE.owner} denies it`);
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    narrator.bad(`the decision came too late: ${error.message}`);
  }
}

function whatTheApproverSees(approval: ApprovalDetail): string[] {
  const { request, requester, deadline, digest, effect, requiredRoles } = approval;
  const lines: [string, string | null | undefined][] = [
    ['action', request && `${request.connector} / ${request.action} (${effect ?? 'unknown effect'})`],
    ['target', request?.target && `${request.target.type} ${request.target.value}`],
    ['why', approval.reason.replaceAll('\n', ': ') || null],
    ['case', approval.case && `${approval.case.title} (${approval.case.severity})`],
    ['playbook', approval.playbook?.name],
    ['asked by', requester && `${requester.kind} ${requester.id}`],
    [
      'needs',
      `${approval.requiredGrants} × ${requiredRoles.join(' or ')}; never ${approval.excluded.join(', ') || 'nobody'}`,
    ],
    ['digest', digest],
    ['deadline', deadline],
  ];
  return lines.flatMap(([label, value]) => (value ? [`${colours.bold(label.padEnd(9))} ${value}`] : []));
}

async function ask(signal: AbortSignal): Promise<Answer> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    for (;;) {
      const text = (await terminal.question('           grant or deny? [g/d] ', { signal })).trim().toLowerCase();
      if (['g', 'grant'].includes(text)) return 'grant';
      if (['d', 'deny'].includes(text)) return 'deny';
    }
  } finally {
    terminal.close();
  }
}
