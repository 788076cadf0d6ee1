import { randomFillSync } from 'node:crypto';
import { isSpanContextValid, TraceFlags, type SpanContext } from '@opentelemetry/api';

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const TRACE_ID = { from: 3, to: 35 };

/** The span that a `traceparent` names (W3C Trace Context, section 3.2); `undefined` when it is missing or not valid. */
export function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/** A span as the `traceparent` that a message or an HTTP request carries. */
export function traceparentOf(span: Pick<SpanContext, 'traceId' | 'spanId' | 'traceFlags'>): string {
  return `00-${span.traceId}-${span.spanId}-${(span.traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}

/** What is caused in the trace of `traceparent`, as caused by that span; what belongs to another trace as it is. */
export function inTrace<Caused extends { readonly traceparent?: string }>(caused: Caused, traceparent: string): Caused {
  const mine = caused.traceparent?.slice(TRACE_ID.from, TRACE_ID.to);
  return mine === traceparent.slice(TRACE_ID.from, TRACE_ID.to) ? { ...caused, traceparent } : caused;
}

/** The meta of events that a span's work leads to; as it was without a span. */
export function causedBy<Meta extends { readonly traceparent?: string }>(
  meta: Meta,
  traceparent: string | undefined,
): Meta {
  return traceparent === undefined ? meta : { ...meta, traceparent };
}

/**
 * The `traceparent` for what a message, event or request causes: the same trace, a span of its own. Without a valid
 * parent, the beginning of a new, sampled trace.
 */
export function childTraceparent(parent: string | undefined): string {
  const context = spanContextOf(parent);
  return traceparentOf({
    traceId: context?.traceId ?? randomHex(16),
    spanId: randomHex(8),
    traceFlags: context?.traceFlags ?? TraceFlags.SAMPLED,
  });
}

/** Every request asks for some, and each call for random bytes costs more than the rest of its trace: fetched for many. */
const random = Buffer.alloc(24 * 256);
let used = random.length;

function randomHex(bytes: number): string {
  if (used + bytes > random.length) {
    randomFillSync(random);
    used = 0;
  }
  return random.toString('hex', used, (used += bytes));
}
