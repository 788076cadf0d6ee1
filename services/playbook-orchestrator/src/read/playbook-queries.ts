import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { PlaybookSummary, PlaybookVersion, PlaybookView } from '#contracts/http/playbook-orchestrator';
import { validatePlaybook } from '#libs/cacao';
import { DomainError } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import { PlaybookVersionRow } from './playbook-version.entity';

@Injectable()
export class PlaybookQueries {
  constructor(@Inject(DataSource) private readonly database: DataSource) {}

  /** By name. */
  async list(tenant: string): Promise<PlaybookSummary[]> {
    const rows = await withTenant(this.database, tenant, (tx) => tx.findBy(PlaybookVersionRow, { tenant }));
    const ids = [...new Set(rows.map(({ playbookId }) => playbookId))];
    return ids
      .map((id) => summaryOf(latestFirst(rows.filter(({ playbookId }) => playbookId === id))))
      .sort((a, b) => a.name.localeCompare(b.name) || a.playbookId.localeCompare(b.playbookId));
  }

  /** @throws DomainError('not_found') for a playbook or version that is not there. */
  async show(tenant: string, playbookId: string, digest?: string): Promise<PlaybookView> {
    const rows = await withTenant(this.database, tenant, (tx) => tx.findBy(PlaybookVersionRow, { tenant, playbookId }));
    const versions = latestFirst(rows);
    const shown = digest === undefined ? leading(versions) : versions.find((version) => version.digest === digest);
    if (versions.length === 0) {
      throw new DomainError('not_found', { field: 'id', reason: `there is no playbook ${playbookId}` });
    }
    if (shown === undefined) {
      throw new DomainError('not_found', { field: 'digest', reason: `${playbookId} has no version ${digest ?? ''}` });
    }
    return {
      ...summaryOf(versions),
      versions: versions.map(versionOf),
      digest: shown.digest,
      document: shown.document,
      findings: [...validatePlaybook(shown.document).findings],
    };
  }
}

const latestFirst = (versions: readonly PlaybookVersionRow[]): PlaybookVersionRow[] =>
  [...versions].sort((a, b) => b.draftedVersion - a.draftedVersion);

const leading = (versions: readonly PlaybookVersionRow[]): PlaybookVersionRow | undefined =>
  versions.find(({ state }) => state === 'active') ?? versions[0];

function summaryOf(versions: readonly PlaybookVersionRow[]): PlaybookSummary {
  const [latest] = versions;
  const lead = leading(versions);
  if (latest === undefined || lead === undefined) throw new DomainError('internal', 'a playbook has no version');
  const { description } = lead.document;
  return {
    playbookId: lead.playbookId,
    name: lead.name,
    description: typeof description === 'string' ? description : '',
    state: lead.state,
    activeDigest: versions.find(({ state }) => state === 'active')?.digest ?? null,
    latestDigest: latest.digest,
    versions: versions.length,
    updatedAt: new Date(Math.max(...versions.map(({ updatedAt }) => updatedAt.getTime()))).toISOString(),
  };
}

function versionOf(row: PlaybookVersionRow): PlaybookVersion {
  const { digest, name, state, executable, authors, origin, activationApprovalId, reason } = row;
  return {
    ...{ digest, name, state, executable, authors, origin, activationApprovalId, reason },
    draftedAt: row.draftedAt.toISOString(),
    activatedAt: row.activatedAt?.toISOString() ?? null,
    retiredAt: row.retiredAt?.toISOString() ?? null,
  };
}
