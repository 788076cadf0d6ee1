import {
  type Attributes,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import { DomainError } from '#libs/kernel';
import { childTraceparent, spanContextOf, traceparentOf } from './traceparent';

/** As in OpenTelemetry's limits: a span with more links than that is cut by whoever receives it. */
const MOST_LINKS = 128;

/** The spans that what is in a batch came from, each once, and only those that are recorded. */
export type Origins = readonly SpanContext[];

/** What is done to many things at once: one span, whatever their number. */
export interface Batch {
  readonly operation: 'publish' | 'process' | 'append' | 'relay';
  /** The topic; `ledger` for appends. Absent where there are several. */
  readonly destination?: string;
  /** Messages, or groups of an append. */
  readonly size: number;
  /** From `origins`, where the batch was handed over. */
  readonly origins: Origins;
  readonly attributes?: Attributes;
}

/** A batch that has ended, for the metrics. */
export interface EndedBatch extends Pick<Batch, 'operation' | 'destination' | 'size'> {
  readonly seconds: number;
  readonly failed: boolean;
}

/** One piece of work on its way through a service: a run that goes on, an approval, a call. */
export interface Work {
  readonly name: string;
  readonly kind?: SpanKind;
  /** The `traceparent` of what causes it; the work begins a trace of its own without. */
  readonly parent: string | undefined;
  /** Neither secrets nor personal data (invariant 9). */
  readonly attributes?: Attributes;
}

/** A request in hand. */
export interface RequestSpan {
  /** For everything that the request leads to. */
  readonly traceparent: string;
  end(attributes: Attributes, failed: boolean): void;
}

const KINDS = {
  publish: SpanKind.PRODUCER,
  process: SpanKind.CONSUMER,
  append: SpanKind.CLIENT,
  relay: SpanKind.INTERNAL,
} as const;

/**
 * What one service lets be seen of what it does. Without a tracer it makes no spans, and passes the `traceparent` of a
 * cause on as it came; a batch then costs two looks at the clock.
 */
export class Telemetry {
  /** @param ended is told of every batch, whether it is traced or not. */
  constructor(
    private readonly tracer?: Tracer,
    private readonly ended: (batch: EndedBatch) => void = () => undefined,
  ) {}

  /**
   * Where a batch comes from, to be asked where it is handed over, because a queue may join it with others: the span of
   * the work in hand, else those that its messages or events carry. Empty when nobody records any of it.
   */
  origins(traceparents: () => Iterable<string | undefined>): Origins {
    if (this.tracer === undefined) return NOWHERE;
    const active = trace.getActiveSpan();
    if (active !== undefined) return recorded(active.spanContext()) ? [active.spanContext()] : NOWHERE;
    const found: SpanContext[] = [];
    for (const traceparent of new Set(traceparents())) {
      const origin = spanContextOf(traceparent);
      if (origin !== undefined && recorded(origin)) found.push(origin);
    }
    return found;
  }

  /**
   * One span for the whole batch. It stands in the trace of its origins when that is one, so that a single alert is
   * followed without a break; it begins a trace of its own, with links to them, when there are several.
   * @param work gets the span's `traceparent`, where there is one.
   */
  async batch<T>(batch: Batch, work: (traceparent: string | undefined) => Promise<T>): Promise<T> {
    const begun = performance.now();
    let failed = true;
    try {
      const result = await this.traced(batch, work);
      failed = false;
      return result;
    } finally {
      const { operation, destination, size } = batch;
      this.ended({ operation, destination, size, seconds: (performance.now() - begun) / 1000, failed });
    }
  }

  /**
   * A span in the trace of what causes the work.
   * @param work gets the `traceparent` that everything it leads to carries on; the cause's own when nothing is traced.
   */
  async span<T>(
    { name, kind, parent, attributes }: Work,
    work: (traceparent: string | undefined, span: Span | undefined) => Promise<T>,
  ): Promise<T> {
    if (this.tracer === undefined) return work(parent, undefined);
    const span = this.tracer.startSpan(name, { kind, attributes }, contextOf(spanContextOf(parent)));
    return within(span, () => work(traceparentOf(span.spanContext()), span));
  }

  /** Continues the caller's trace, or starts one when the header is missing or malformed. */
  request(name: string, incoming: string | undefined, attributes: Attributes): RequestSpan {
    if (this.tracer === undefined) return { traceparent: childTraceparent(incoming), end: () => undefined };
    const span = this.tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, contextOf(spanContextOf(incoming)));
    return {
      traceparent: traceparentOf(span.spanContext()),
      end: (more, failed) => {
        span.setAttributes(more);
        if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
  }

  private traced<T>(
    { operation, destination, origins, attributes }: Batch,
    work: (traceparent: string | undefined) => Promise<T>,
  ): Promise<T> {
    const [first] = origins;
    if (this.tracer === undefined || first === undefined) return work(undefined);
    const distinct = distinctSpans(origins);
    const parent = distinct.every(({ traceId }) => traceId === first.traceId) ? first : undefined;
    const linked = parent === undefined ? distinct : distinct.slice(1);
    const span = this.tracer.startSpan(
      destination === undefined ? operation : `${operation} ${destination}`,
      {
        kind: KINDS[operation],
        links: linked.slice(0, MOST_LINKS).map((origin) => ({ context: origin })),
        // The links may be the first of them alone.
        attributes: { ...attributes, 'countersign.batch.origins': distinct.length },
      },
      contextOf(parent),
    );
    return within(span, () => work(traceparentOf(span.spanContext())));
  }
}

/** For tools and tests: nothing is traced, and nobody is told. */
export const NO_TELEMETRY = new Telemetry();

const NOWHERE: Origins = [];

const recorded = ({ traceFlags }: SpanContext): boolean => (traceFlags & TraceFlags.SAMPLED) !== 0;

const contextOf = (parent: SpanContext | undefined) =>
  parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);

function distinctSpans(origins: Origins): SpanContext[] {
  if (origins.length === 1) return [...origins];
  return [...new Map(origins.map((origin) => [origin.traceId + origin.spanId, origin])).values()];
}

/** An error's message may hold what a person has typed: the span gets its code alone (invariant 9). */
async function within<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await context.with(trace.setSpan(ROOT_CONTEXT, span), work);
  } catch (error) {
    span.setAttribute('error.type', error instanceof DomainError ? error.code : nameOf(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
