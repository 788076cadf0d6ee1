import type { JobSpec } from '#libs/jobs';

/** A job of this kind stops every open run of a retired playbook version, or of a closed case. */
export const STOP_RUNS = 'stop-runs';

export type StopRuns =
  | {
      readonly kind: 'playbook_retired';
      readonly playbookId: string;
      readonly digest: string;
      readonly eventId: string;
    }
  | { readonly kind: 'case_closed'; readonly caseId: string; readonly eventId: string };

export function stopRunsJob(tenant: string, payload: StopRuns): JobSpec {
  return { id: `${STOP_RUNS}:${payload.eventId}`, kind: STOP_RUNS, tenant, payload: { ...payload } };
}
