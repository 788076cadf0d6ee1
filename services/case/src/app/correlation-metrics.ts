import { Counter } from 'prom-client';
import type { ServiceMetrics } from '#libs/service';
import type { RulesAdoption } from './rules-adoption';

/** What the rules do, for Prometheus. */
export class CorrelationMetrics {
  private readonly suppressed: Counter<'kind' | 'rule'>;

  constructor(metrics: ServiceMetrics, adoption: RulesAdoption) {
    this.suppressed = new Counter({
      name: 'countersign_alerts_suppressed_total',
      help: 'Alerts that a correlation rule dropped, or that their case only counts',
      labelNames: ['kind', 'rule'],
      registers: [metrics.prometheus],
    });
    metrics.gauge(
      'countersign_correlation_rules_version',
      'The version of the correlation rules that this instance decides by',
      ['digest'],
      async () => {
        const { digest, version } = adoption.current();
        return [{ labels: { digest }, value: version }];
      },
    );
    metrics.gauge(
      'countersign_correlation_rules_broken',
      '1 while the file of correlation rules is broken, and rules of before hold',
      [],
      async () => [{ labels: {}, value: adoption.problem ? 1 : 0 }],
    );
  }

  readonly onSuppressed = (kind: 'dropped' | 'counted', rule: string): void => {
    this.suppressed.inc({ kind, rule });
  };
}
