import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Actor, EventMeta } from '#contracts/envelope';
import { demandPlaybook, findCredentials, type Finding, isIdentifier, type Playbook, refusalOf } from '#libs/cacao';
import { canonicalJson, execute, type EventStore, type RecordedEvent } from '#libs/event-store';
import { type Clock, deterministicId, DomainError, type JsonObject } from '#libs/kernel';
import { withTenant, type ProjectionRunner } from '#libs/read-model';
import { CLOCK, EVENT_STORE, READ_MODELS } from '#libs/service';
import { type PlaybookCommand, playbookDecider, type VersionState } from '../domain/playbook.decider';
import { activationApprovalId } from '../read/playbooks.projection';
import { PlaybookVersionRow } from '../read/playbook-version.entity';
import { RecentlyUsed } from './recently-used';

/** Who asks for a change, and by which request or message. */
export interface Asking {
  readonly tenant: string;
  readonly actor: Actor;
  readonly meta: EventMeta;
}

export interface Imported {
  readonly playbookId: string;
  readonly digest: string;
  readonly name: string;
  readonly state: VersionState;
  readonly created: boolean;
  readonly executable: boolean;
  readonly findings: readonly Finding[];
  readonly activationApprovalId: string;
}

/** What runs are started of. */
export interface ActivePlaybook {
  readonly playbookId: string;
  readonly digest: string;
  readonly document: Playbook;
}

/** One event holds the document, and an event is a message: the bus takes up to 1 MiB. Bytes of canonical JSON. */
const LARGEST_DOCUMENT = 512 * 1024;

/** Playbooks as they stand in the ledger: drafted, activated, retired; and the document of any version. */
@Injectable()
export class PlaybookLibrary {
  private readonly loaded = new RecentlyUsed<Playbook>(200);

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(READ_MODELS) private readonly readModels: Pick<ProjectionRunner, 'caughtUpWith'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Keeps a document as an inactive version; importing the same again changes nothing, but for its author.
   * @throws DomainError: `invalid_playbook` naming every field that is wrong, credentials among them;
   * `invalid_transition` for a version that was retired or refused.
   */
  async draft(document: JsonObject, asking: Asking): Promise<Imported> {
    const { playbook, validation } = demandPlaybook(document);
    const credentials = findCredentials(playbook);
    if (credentials.length > 0) throw refusalOf(credentials);
    const canonical = canonicalJson(document);
    if (Buffer.byteLength(canonical) > LARGEST_DOCUMENT) {
      const reason = `the document may have at most ${LARGEST_DOCUMENT} bytes`;
      throw new DomainError('body_too_large', { field: 'document', reason });
    }
    const playbookId = playbook.id.toLowerCase();
    const digest = createHash('sha256').update(canonical, 'utf8').digest('hex');
    const before = await this.history(asking.tenant, playbookId);
    const { state, events } = await this.execute(playbookId, asking, {
      type: 'DraftPlaybook',
      ...{ playbookId, digest, name: playbook.name, document },
      origin: asking.actor.kind === 'agent' ? 'agent' : 'import',
      isAuthor: isAuthor(before, digest, asking.actor),
    });
    return {
      ...{ playbookId, digest, name: playbook.name },
      state: state.versions.get(digest) ?? 'draft',
      created: events.length > 0 && !before.some((event) => event.data.digest === digest),
      executable: validation.executable,
      findings: validation.findings,
      activationApprovalId: activationApprovalId(asking.tenant, playbookId, digest),
    };
  }

  /** @throws DomainError('not_found') */
  async retire(playbookId: string, digest: string | undefined, reason: string, asking: Asking): Promise<void> {
    await this.execute(playbookId, asking, { type: 'RetirePlaybook', digest, reason });
  }

  /** What the approval service decided on an activation; the actor is whoever decided. */
  async answerActivation(
    version: Pick<PlaybookVersionRow, 'playbookId' | 'digest' | 'activationApprovalId' | 'executable'>,
    outcome: 'granted' | 'denied' | 'expired',
    asking: Asking,
  ): Promise<void> {
    const { playbookId, digest, activationApprovalId: approvalId, executable } = version;
    await this.execute(
      playbookId,
      asking,
      outcome === 'granted'
        ? { type: 'ActivatePlaybook', digest, approvalId, executable }
        : { type: 'RefuseActivation', digest, approvalId, outcome },
    );
  }

  /** The version whose activation an approval decides on; undefined while the read model does not know it. */
  async versionOfApproval(tenant: string, approvalId: string): Promise<PlaybookVersionRow | undefined> {
    const row = await withTenant(this.database, tenant, (tx) =>
      tx.findOneBy(PlaybookVersionRow, { tenant, activationApprovalId: approvalId }),
    );
    return row ?? undefined;
  }

  /** The active versions of a tenant, with their documents. */
  async active(tenant: string): Promise<ActivePlaybook[]> {
    const rows = await withTenant(this.database, tenant, (tx) =>
      tx.find(PlaybookVersionRow, {
        select: { tenant: true, playbookId: true, digest: true },
        where: { tenant, state: 'active' },
        order: { playbookId: 'asc' },
      }),
    );
    return Promise.all(
      rows.map(async ({ playbookId, digest }) => {
        return { playbookId, digest, document: await this.document(tenant, playbookId, digest) };
      }),
    );
  }

  /** Any version, from the ledger itself: a run follows the one it started with, whatever became of it. */
  async document(tenant: string, playbookId: string, digest: string): Promise<Playbook> {
    const key = `${tenant} ${playbookId} ${digest}`;
    const known = this.loaded.get(key);
    if (known !== undefined) return known;
    const drafted = (await this.history(tenant, playbookId)).find(
      (event) => event.type === 'PlaybookDrafted' && event.data.digest === digest,
    );
    if (drafted === undefined) {
      throw new DomainError('not_found', { field: 'playbookDigest', reason: `${playbookId} has no version ${digest}` });
    }
    // Validated before it was drafted.
    const playbook = drafted.data.document as unknown as Playbook;
    this.loaded.set(key, playbook);
    return playbook;
  }

  private history(tenant: string, playbookId: string): Promise<RecordedEvent[]> {
    return this.store.readStream('playbook', playbookStream(tenant, playbookId));
  }

  private async execute(playbookId: string, { tenant, actor, meta }: Asking, command: PlaybookCommand) {
    const stream = playbookStream(tenant, playbookId);
    const context = { category: 'playbook', stream, tenant, actor, meta, time: this.clock.now() } as const;
    const executed = await execute(this.store, playbookDecider, context, command);
    await this.readModels.caughtUpWith(executed.events);
    return executed;
  }
}

/** A CACAO id comes from outside, and two tenants may import the same document. */
export const playbookStream = (tenant: string, playbookId: string): string =>
  `playbook-${deterministicId('playbook', tenant, playbookId)}`;

/** `playbook--<uuid>`, or the uuid alone, in lower case. @throws DomainError('not_found') for anything else. */
export function playbookIdOf(text: string): string {
  const id = text.startsWith('playbook--') ? text : `playbook--${text}`;
  if (isIdentifier(id)) return id.toLowerCase();
  throw new DomainError('not_found', { field: 'id', reason: `there is no playbook '${text}'` });
}

function isAuthor(history: readonly RecordedEvent[], digest: string, actor: Actor): boolean {
  return history.some(
    (event) =>
      event.type === 'PlaybookDrafted' &&
      event.data.digest === digest &&
      event.actor.id === actor.id &&
      event.actor.kind === actor.kind &&
      event.actor.behalfOf === actor.behalfOf,
  );
}
