import type { ApprovalDetail, ApprovalSummary } from '#contracts/http/approval';
import type { RunSummary, RunView } from '#contracts/http/playbook-orchestrator';
import { eventually } from './eventually';
import type { RunningDemo } from './running-demo';

interface Page<T> {
  readonly items: readonly T[];
}

/** The run of the playbook that contains brute-force attacks, once it is there. */
export function containmentRun(demo: RunningDemo): Promise<RunView> {
  return eventually('the run that contains the attack', async () => {
    const olivia = await demo.as('olivia');
    const { items } = await olivia.get<Page<RunSummary>>('/v1/runs', { limit: 500 });
    const [run, ...more] = items.filter(({ playbookName }) => playbookName === 'Contain a brute-force attack');
    if (more.length > 0) throw new Error(`there are ${more.length + 1} runs for one attack`);
    return run && olivia.get<RunView>(`/v1/runs/${run.runId}`);
  });
}

/** Both containment steps, in the order of their wording, once they wait for a human. */
export function waitingContainment(demo: RunningDemo): Promise<ApprovalDetail[]> {
  return eventually('two containment steps that wait for a human', async () => {
    const olivia = await demo.as('olivia');
    const query = { status: 'pending', kind: 'action', limit: 500 };
    const { items } = await olivia.get<Page<ApprovalSummary>>('/v1/approvals', query);
    if (items.length < 2) return undefined;
    const details = await Promise.all(items.map(({ id }) => olivia.get<ApprovalDetail>(`/v1/approvals/${id}`)));
    return details.sort((a, b) => a.wording.localeCompare(b.wording));
  });
}

/** As olivia, the owner. */
export async function grant(demo: RunningDemo, { id, digest }: ApprovalDetail): Promise<ApprovalDetail> {
  const body = { digest, comment: 'Confirmed by phone.' };
  return (await demo.as('olivia')).post<ApprovalDetail>(`/v1/approvals/${id}/grant`, body);
}
