import { randomBytes } from 'node:crypto';
import { context, propagation, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import type { NodeSDK } from '@opentelemetry/sdk-node';

/** W3C Trace Context, version 00. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

let running: { sdk: NodeSDK; users: number } | undefined;

/**
 * Starts the exporter of traces once a process, whichever service asks first; without an endpoint the SDK is not even
 * loaded. Returns the function that lets go of it.
 */
export async function startTelemetry(endpoint: string | undefined, serviceName: string): Promise<() => Promise<void>> {
  if (endpoint === undefined) return async () => {};
  const { NodeSDK, resources } = await import('@opentelemetry/sdk-node');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  if (running === undefined) {
    const sdk = new NodeSDK({
      resource: resources.resourceFromAttributes({ 'service.name': `countersign-${serviceName}` }),
      traceExporter: new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` }),
      instrumentations: [],
      metricReaders: [],
      logRecordProcessors: [],
    });
    sdk.start();
    running = { sdk, users: 0 };
  }
  running.users += 1;
  return async () => {
    if (running === undefined || --running.users > 0) return;
    const { sdk } = running;
    running = undefined;
    await sdk.shutdown();
  };
}

/** One incoming request's span, and the `traceparent` that everything it leads to carries on. */
export interface RequestSpan {
  readonly span: Span;
  readonly traceparent: string;
}

/** Continues the caller's trace, or starts one when the header is missing or malformed. */
export function startRequestSpan(name: string, incoming: string | string[] | undefined): RequestSpan {
  const parent = typeof incoming === 'string' && TRACEPARENT.test(incoming) ? incoming : undefined;
  const parentContext =
    parent === undefined ? context.active() : propagation.extract(context.active(), { traceparent: parent });
  const span = trace.getTracer('countersign').startSpan(name, { kind: SpanKind.SERVER }, parentContext);
  const own = span.spanContext();
  if (running !== undefined && trace.isSpanContextValid(own)) {
    return { span, traceparent: `00-${own.traceId}-${own.spanId}-${own.traceFlags.toString(16).padStart(2, '0')}` };
  }
  const traceId = parent?.slice(3, 35) ?? randomBytes(16).toString('hex');
  const flags = parent?.slice(53) ?? '01';
  return { span, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}` };
}

export function endRequestSpan({ span }: RequestSpan, route: string, status: number): void {
  span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
