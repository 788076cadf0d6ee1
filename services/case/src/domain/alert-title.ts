import type { AlertEnriched } from '#contracts/alert';

const MAX_TITLE = 1000;

/** What people call the alert: the finding's title, else the beginning of its message, else where it came from. */
export function titleOfAlert({ finding, source }: Pick<AlertEnriched, 'finding' | 'source'>): string {
  const title = finding.finding_info.title?.trim() || finding.message?.trim() || `Alert from ${source}`;
  return title.slice(0, MAX_TITLE).toWellFormed();
}
