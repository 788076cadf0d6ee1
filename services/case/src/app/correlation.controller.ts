import { Controller, Get, Inject, Query } from '@nestjs/common';
import type {
  AdoptedCorrelationRules,
  CorrelationHistoryQuery,
  CorrelationRulesQuery,
  CorrelationRulesView,
} from '#contracts/http/correlation';
import type { EventStore, RecordedEvent } from '#libs/event-store';
import { type Clock, DomainError } from '#libs/kernel';
import { CLOCK, EVENT_STORE } from '#libs/service';
import type { RulesAdopted } from '../domain/correlation-rules.decider';
import { demandVersion, fromCursor, toCursor } from '../read/page-cursor';
import { RULES_STREAM, RulesAdoption } from './rules-adoption';

/** What alerts are correlated by, and what they were correlated by. It is changed by its file alone. */
@Controller()
export class CorrelationController {
  constructor(
    @Inject(RulesAdoption) private readonly adoption: RulesAdoption,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get('/v1/correlation-rules')
  async show(@Query() { at }: CorrelationRulesQuery): Promise<CorrelationRulesView> {
    const { rules, version, digest, since } = this.adoption.current();
    const { instance, problem } = this.adoption;
    if (at !== undefined && new Date(at) > this.clock.now()) {
      throw new DomainError('invalid_field', { field: 'at', reason: 'lies in the future' });
    }
    const until = at === undefined ? undefined : new Date(at).toISOString();
    const adopted = (await this.history()).findLast(({ adoptedAt }) => until === undefined || adoptedAt <= until);
    if (!adopted) throw new DomainError('not_found', { field: 'at', reason: `No rules had been adopted at ${until}.` });
    return {
      inForce: { version, digest, since, instance, rules: { ...rules.document }, ...(problem && { problem }) },
      adopted,
      agrees: adopted.digest === digest,
    };
  }

  @Get('/v1/correlation-rules/history')
  async versions(
    @Query() { limit = 50, cursor }: CorrelationHistoryQuery,
  ): Promise<{ items: AdoptedCorrelationRules[]; next?: string }> {
    const [before] = fromCursor(cursor, ['number'])?.map(demandVersion) ?? [];
    const versions = (await this.history()).reverse().filter(({ version }) => before === undefined || version < before);
    const items = versions.slice(0, limit);
    const last = items.at(-1);
    return { items, ...(versions.length > limit && last && { next: toCursor([last.version]) }) };
  }

  private async history(): Promise<AdoptedCorrelationRules[]> {
    const { category, stream } = RULES_STREAM;
    return (await this.store.readStream(category, stream)).map(adoptedBy);
  }
}

function adoptedBy({ data, time }: RecordedEvent): AdoptedCorrelationRules {
  // The stream holds nothing else.
  const { version, digest, instance, rules } = data as unknown as RulesAdopted['data'];
  return { version, digest, adoptedAt: time, instance, rules };
}
