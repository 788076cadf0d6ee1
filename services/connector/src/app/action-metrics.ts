import { Inject, Injectable } from '@nestjs/common';
import { Counter, Histogram } from 'prom-client';
import type { ActionEvent } from '#contracts/events/action';
import { ServiceMetrics } from '#libs/service';
import { CONNECTOR_CATALOGUE } from '../adapters/connectors/catalogue';

const OTHER = 'other';
/** By the type of the event that ends an action. */
const OUTCOMES: ReadonlyMap<string, string> = new Map<ActionEvent['type'], string>([
  ['ActionSucceeded', 'succeeded'],
  ['ActionFailed', 'failed'],
  ['ActionOutcomeUnknown', 'unknown'],
  ['ActionRefused', 'refused'],
]);

/** What became of actions, by connector. */
@Injectable()
export class ActionMetrics {
  private readonly ends: Counter<'connector' | 'outcome'>;
  private readonly calls: Histogram<'connector'>;

  constructor(@Inject(ServiceMetrics) { prometheus }: ServiceMetrics) {
    this.ends = new Counter({
      name: 'countersign_actions_total',
      help: 'Actions by how they ended',
      labelNames: ['connector', 'outcome'],
      registers: [prometheus],
    });
    // What Prometheus sees for the first time at 1 has not risen for it: the first unknown outcome would go unnoticed.
    for (const connector of [...CONNECTOR_CATALOGUE.keys(), OTHER]) {
      for (const outcome of OUTCOMES.values()) this.ends.inc({ connector, outcome }, 0);
    }
    this.calls = new Histogram({
      name: 'countersign_action_call_duration_seconds',
      help: 'How long all calls of an action to its target took, with the tries that failed',
      labelNames: ['connector'],
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers: [prometheus],
    });
  }

  recorded(connector: string, events: readonly { readonly type: string }[]): void {
    for (const { type } of events) {
      const outcome = OUTCOMES.get(type);
      if (outcome !== undefined) this.ends.inc({ connector: known(connector), outcome });
    }
  }

  startCall(connector: string): () => void {
    return this.calls.startTimer({ connector: known(connector) });
  }
}

/** A request may name any connector: what there is none of must not become a label. */
const known = (connector: string): string => (CONNECTOR_CATALOGUE.has(connector) ? connector : OTHER);
