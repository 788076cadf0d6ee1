import type { IncomingHttpHeaders } from 'node:http';
import type { Protocol } from '#contracts/http/endpoint';
import { API_AUDIENCE, type Principal } from '#contracts/identity';
import type { SourceSettings } from '#contracts/source-settings';
import { DomainError } from '#libs/kernel';
import { ALL_TENANTS, withTenant } from '#libs/read-model';
import { SourceTokenVerifier } from '#libs/service';
import type { DataSource } from 'typeorm';
import { SourceRow } from '../read/source.entity';
import { elasticCredentials } from './elastic-credentials';
import { bearerToken } from './bearer-token';
import { hecCredentials } from './hec-credentials';
import { HecError } from '../domain/hec-error';
import { sourceIdOf } from './source-id';
import { isSourceToken, sourceTokenDigest } from './source-token';

/** A source that a valid token stands for. */
export interface KnownSource {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly format: string | null;
  readonly settings: SourceSettings;
}

/** How long an answer about a token is taken for granted: a rotation elsewhere is noticed within this. Milliseconds. */
const REMEMBERED_MS = 1_000;
const MOST_REMEMBERED = 10_000;

interface TokenRow {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly format: string | null;
  readonly settings: SourceSettings;
  readonly status: 'active' | 'disabled';
  readonly ended: boolean;
}

/** Whose a source token is. It asks the read model once a second for each token or name, however many alerts come with it. */
export class SourceDirectory extends SourceTokenVerifier {
  private readonly answers = new Map<string, { readonly until: number; readonly source: Promise<KnownSource> }>();

  constructor(
    private readonly database: DataSource,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {
    super();
  }

  async verify(token: string): Promise<Principal> {
    return principalOf(await this.sourceOf(token));
  }

  /** @throws DomainError, which each protocol words for itself. */
  override async verifyAs(protocol: Protocol, headers: IncomingHttpHeaders, query: unknown): Promise<Principal> {
    switch (protocol) {
      case 'splunk-hec':
        return principalOf(await this.hecSourceOf(headers, query));
      case 'elastic-bulk':
        return this.verify(elasticCredentials(headers.authorization));
      case 'otlp':
        return this.verify(bearerToken(headers.authorization));
    }
  }

  /** The source of a request to the Splunk HTTP Event Collector. @throws HecError */
  async hecSourceOf(headers: IncomingHttpHeaders, query: unknown): Promise<KnownSource> {
    const { token, isFromQuery } = hecCredentials(headers.authorization, query);
    const source = await this.sourceOf(token).catch((error: unknown) => {
      if (error instanceof SourceRefused) throw new HecError(error.isDisabled ? 1 : 4, error.reason);
      throw error;
    });
    if (isFromQuery && !source.settings.hecQueryToken) {
      throw new HecError(16, `Allow it by the setting hecQueryToken of the source '${source.name}'.`);
    }
    return source;
  }

  /** @throws DomainError('token_invalid') for a token that is unknown, replaced, or of a disabled source. */
  async sourceOf(token: string): Promise<KnownSource> {
    if (!isSourceToken(token)) {
      throw new SourceRefused('This is no token of a source.');
    }
    const digest = sourceTokenDigest(token);
    return this.remembered(digest, () => this.ask(digest));
  }

  /** The active source of this name, for a way in without tokens. @throws DomainError('not_found') */
  async named(tenant: string, name: string): Promise<KnownSource> {
    const id = sourceIdOf(tenant, name);
    return this.remembered(id, async () => {
      const row = await withTenant(this.database, tenant, (tx) => tx.findOneBy(SourceRow, { id, status: 'active' }));
      if (row === null)
        throw new DomainError('not_found', `There is no active source '${name}' of tenant '${tenant}'.`);
      const { format, settings } = row;
      return { id, tenant, name: row.name, format, settings };
    });
  }

  private async remembered(key: string, ask: () => Promise<KnownSource>): Promise<KnownSource> {
    const now = this.monotonicMs();
    const known = this.answers.get(key);
    if (known !== undefined && known.until > now) return known.source;
    if (this.answers.size >= MOST_REMEMBERED) this.answers.clear();
    const source = ask();
    this.answers.set(key, { until: now + REMEMBERED_MS, source });
    source.catch((error: unknown) => {
      // An outage says nothing about the source.
      if (!(error instanceof DomainError)) this.answers.delete(key);
    });
    return source;
  }

  /** After a change of sources: the next request asks again. */
  forget(): void {
    this.answers.clear();
  }

  private async ask(digest: string): Promise<KnownSource> {
    const [row] = await withTenant(this.database, ALL_TENANTS, (tx) =>
      tx.query<TokenRow[]>(
        `select source.id, source.tenant, source.name, source.format, source.settings, source.status,
           coalesce(token.valid_until <= now(), false) as ended
         from svc_ingest.source_token token join svc_ingest.source source on source.id = token.source_id
         where token.digest = $1`,
        [digest],
      ),
    );
    if (row === undefined) throw new SourceRefused('It is not known here.');
    if (row.status === 'disabled') throw new SourceRefused(`The source '${row.name}' is disabled.`, true);
    if (row.ended) throw new SourceRefused(`It was replaced: use the new token of the source '${row.name}'.`);
    const { id, tenant, name, format, settings } = row;
    return { id, tenant, name, format, settings };
  }
}

class SourceRefused extends DomainError {
  constructor(
    reason: string,
    readonly isDisabled = false,
  ) {
    super('token_invalid', { field: 'authorization', reason });
  }
}

function principalOf(source: KnownSource): Principal {
  return {
    subject: source.id,
    kind: 'source',
    tenant: source.tenant,
    roles: ['source'],
    audience: API_AUDIENCE,
    clientId: source.id,
  };
}
