import type { Command } from 'commander';
import type { ApprovalDetail, ApprovalSummary } from '#contracts/http/approval';
import { fields, print, table, when } from '../output';
import { signedIn, UsageProblem } from '../session';

export function approvalsCommand(program: Command): void {
  const approvals = program.command('approvals').description('See what waits for a human, and decide it');
  approvals
    .command('list')
    .description('Requests, newest first; what is pending by default')
    .option('--status <status>', 'pending, granted, denied, expired, allowed, rejected, or all', 'pending')
    .option('--kind <kind>', 'action or activation')
    .action(async ({ status, kind }: { status: string; kind?: string }, command: Command) => {
      const query = { status: status === 'all' ? undefined : status, kind, limit: 200 };
      const page = await (await signedIn(command)).get<{ items: ApprovalSummary[] }>('/v1/approvals', query);
      const rows = page.items.map((a) => [a.id, a.kind, a.status, a.effect, when(a.deadline), a.wording]);
      print(command, page, () => table(['id', 'kind', 'status', 'effect', 'deadline', 'what'], rows));
    });
  approvals
    .command('show')
    .argument('<id>')
    .description('Everything that the approver is to see before they decide')
    .action(async (id: string, _options: unknown, command: Command) => {
      const detail = await (await signedIn(command)).get<ApprovalDetail>(`/v1/approvals/${encodeURIComponent(id)}`);
      print(command, detail, () => describeApproval(detail));
    });
  for (const decision of ['grant', 'deny'] as const) {
    approvals
      .command(decision)
      .argument('<id>')
      .description(decision === 'grant' ? 'Allow exactly this request' : 'Refuse it')
      .requiredOption('--digest <digest>', 'the digest that `approvals show` has shown: what you decide about')
      .option('--comment <text>', 'why', '')
      .action(async (id: string, options: { digest: string; comment: string }, command: Command) => {
        if (!/^[0-9a-f]{64}$/.test(options.digest)) {
          throw new UsageProblem('--digest takes the 64 hexadecimal digits that `countersign approvals show` prints.');
        }
        const path = `/v1/approvals/${encodeURIComponent(id)}/${decision}`;
        const detail = await (await signedIn(command)).post<ApprovalDetail>(path, options);
        print(command, detail, () => describeApproval(detail));
      });
  }
}

function describeApproval(a: ApprovalDetail): string {
  const { request } = a;
  return fields({
    approval: a.id,
    status: a.status,
    what: a.wording,
    effect: a.effect,
    action: request && `${request.connector} / ${request.action} on connection ${request.connectionId}`,
    target: request?.target && `${request.target.type} ${request.target.value}`,
    parameters: request && JSON.stringify(request.parameters),
    why: a.reason,
    case: a.case && `${a.case.title} (${a.case.severity}) ${a.case.caseId}`,
    playbook: a.playbook?.name,
    'asked by': a.requester && `${a.requester.kind} ${a.requester.id}`,
    needs: `${a.requiredGrants} of role ${a.requiredRoles.join(' or ')}`,
    never: a.excluded.join(', '),
    digest: a.digest,
    deadline: when(a.deadline),
    decided: a.decidedAt && `${when(a.decidedAt)} by ${a.decidedBy}`,
    comment: a.comment,
    you: a.you.mayDecide ? 'may decide this' : a.you.reason,
  });
}
