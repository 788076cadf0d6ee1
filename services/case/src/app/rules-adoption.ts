import { createHash } from 'node:crypto';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import { serviceActor } from '#contracts/envelope';
import type { CorrelationRulesProblem } from '#contracts/http/correlation';
import { DEFAULT_TENANT } from '#contracts/identity';
import { execute, type EventStore } from '#libs/event-store';
import { type Clock, DomainError, type JsonObject, newId } from '#libs/kernel';
import {
  parseCorrelationRules,
  readCorrelationFile,
  recordedCorrelationRules,
} from '../adapters/correlation-rules-file';
import { correlationRulesDecider, type RulesAdopted } from '../domain/correlation-rules.decider';
import type { RulesInForce } from './intake-plan';

/** Of the installation: every tenant's alerts are correlated by it. */
export const RULES_STREAM = { category: 'correlation', stream: 'correlation-rules', tenant: DEFAULT_TENANT } as const;

export interface RulesAdoptionOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  readonly file: string;
  /** Milliseconds between two looks at the file. */
  readonly everyMs: number;
}

/**
 * The rules that this instance decides by. The file is looked at by its content: that sees what an editor puts in its
 * place, and where Kubernetes turns a link, as well as what is written into it. Rules are recorded in the ledger before
 * anything is decided by them; those of a file that is broken change nothing but `problem`.
 */
export class RulesAdoption implements OnModuleInit, OnModuleDestroy {
  /** Another one for each run. */
  readonly instance = newId();
  private inForce: (RulesInForce & { readonly since: string }) | undefined;
  private trouble: CorrelationRulesProblem | undefined;
  private seen = '';
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  constructor(private readonly options: RulesAdoptionOptions) {}

  /**
   * With a file that is broken, the service starts by the rules that were adopted last, and says so.
   * @throws DomainError('invalid_configuration') where there are none.
   */
  async onModuleInit(): Promise<void> {
    const { file, everyMs } = this.options;
    try {
      await this.adopt(readCorrelationFile(file));
    } catch (error) {
      this.inForce = await this.adoptedLast();
      if (!this.inForce) throw error;
      this.report(error);
    }
    this.timer = setInterval(() => void this.look(), everyMs);
    this.timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  /** Throws DomainError('service_unavailable') before the service has started. */
  current(): RulesInForce & { readonly since: string } {
    if (this.inForce) return this.inForce;
    throw new DomainError('service_unavailable', 'The correlation rules have not been read yet.');
  }

  /** Why the file is not what holds. */
  get problem(): CorrelationRulesProblem | undefined {
    return this.trouble;
  }

  /** Takes the file as it is now. What is wrong is said, and the rules of before go on holding. */
  look(): Promise<void> {
    this.looking ??= this.takeFile().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private async adoptedLast() {
    const { category, stream } = RULES_STREAM;
    const last = (await this.options.store.readStream(category, stream)).at(-1);
    if (!last) return undefined;
    // The stream holds nothing else.
    const { version, digest, rules } = last.data as unknown as RulesAdopted['data'];
    const known = recordedCorrelationRules(rules);
    return known?.digest === digest ? { ...known, version, since: last.time } : undefined;
  }

  private async takeFile(): Promise<void> {
    try {
      const text = readCorrelationFile(this.options.file);
      if (digestOf(text) !== this.seen) await this.adopt(text);
      this.trouble = undefined;
    } catch (error) {
      this.report(error);
    }
  }

  private async adopt(text: string): Promise<void> {
    const { store, clock, logger, file } = this.options;
    const { rules, digest } = parseCorrelationRules(text, file);
    const time = clock.now();
    if (this.inForce?.digest !== digest) {
      const context = { ...RULES_STREAM, actor: serviceActor('case'), meta: { correlationId: newId() }, time };
      const content: JsonObject = JSON.parse(JSON.stringify(rules.document));
      const command = { type: 'AdoptRules', digest, rules: content, instance: this.instance } as const;
      const { state } = await execute(store, correlationRulesDecider, context, command);
      this.inForce = { rules, digest, version: state.version, since: time.toISOString() };
      logger.info({ version: state.version, digest }, 'the correlation rules hold from now on');
    }
    this.seen = digestOf(text);
  }

  /** Said once for each file that is broken, and not at every look. */
  private report(error: unknown): void {
    const { file, logger, clock } = this.options;
    const isOurs = error instanceof DomainError;
    const reason = isOurs ? error.reason : String(error);
    if (this.trouble?.reason === reason) return;
    const errors = (isOurs && error.errors) || [];
    this.trouble = { since: clock.now().toISOString(), reason, errors: errors.map((one) => ({ ...one })) };
    logger.error({ err: error, file }, 'the correlation rules cannot be taken; those of before go on holding');
  }
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
