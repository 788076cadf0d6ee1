import type { Actor } from '#contracts/envelope';
import type { PlaybookEvent } from '#contracts/events/playbook';
import { withTenant } from '#libs/read-model';
import type { DataSource } from 'typeorm';
import { excludedSubjects } from '../domain/action-ruling';

export interface KnownPlaybook {
  readonly name: string;
  readonly authors: readonly string[];
  readonly version?: { readonly retired: boolean };
}

/** This service's own copy of who wrote which playbook, as `countersign.playbook` tells it (invariant 5). */
export class PlaybookCopy {
  constructor(private readonly database: DataSource) {}

  /** Idempotent. Authors only ever become more. */
  async take(tenant: string, streamVersion: number, actor: Actor, event: PlaybookEvent): Promise<void> {
    const { playbookId, digest } = event.data;
    await withTenant(this.database, tenant, async (tx) => {
      switch (event.type) {
        case 'PlaybookDrafted':
          await tx.query(
            `insert into svc_approval.playbook_author_copy (tenant, playbook_id, subject)
             select $1, $2, unnest($3::text[]) on conflict do nothing`,
            [tenant, playbookId, excludedSubjects([actor], [])],
          );
          await tx.query(
            `insert into svc_approval.playbook_version_copy
               (tenant, playbook_id, digest, name, retired, stream_version)
             values ($1, $2, $3, $4, false, $5)
             on conflict (tenant, playbook_id, digest) do update set retired = false, stream_version = $5
             where playbook_version_copy.stream_version < $5`,
            [tenant, playbookId, digest, event.data.name, streamVersion],
          );
          return;
        case 'PlaybookActivated':
        case 'PlaybookRetired':
          await tx.query(
            `update svc_approval.playbook_version_copy set retired = $4, stream_version = $5
             where tenant = $1 and playbook_id = $2 and digest = $3 and stream_version < $5`,
            [tenant, playbookId, digest, event.type === 'PlaybookRetired', streamVersion],
          );
          return;
        case 'PlaybookActivationRefused':
          return;
      }
    });
  }

  /** `version` is absent when this digest has not been heard of. */
  async playbook(tenant: string, playbookId: string, digest: string): Promise<KnownPlaybook | undefined> {
    const [versions, authors] = await withTenant(this.database, tenant, async (tx) => {
      const known: { digest: string; name: string; retired: boolean }[] = await tx.query(
        `select digest, name, retired from svc_approval.playbook_version_copy
         where tenant = $1 and playbook_id = $2 order by stream_version desc`,
        [tenant, playbookId],
      );
      const subjects: { subject: string }[] = await tx.query(
        `select subject from svc_approval.playbook_author_copy where tenant = $1 and playbook_id = $2 order by subject`,
        [tenant, playbookId],
      );
      return [known, subjects.map(({ subject }) => subject)] as const;
    });
    const exact = versions.find((version) => version.digest === digest);
    const [newest] = versions;
    if (newest === undefined) return undefined;
    return {
      name: (exact ?? newest).name,
      authors,
      ...(exact === undefined ? {} : { version: { retired: exact.retired } }),
    };
  }
}
