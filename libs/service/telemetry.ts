import { context, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import type { NodeSDK } from '@opentelemetry/sdk-node';
import { childTraceparent, spanContextOf, traceparentOf } from '#libs/bus';

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
  const parent = typeof incoming === 'string' ? incoming : undefined;
  const parentSpan = spanContextOf(parent);
  const within = parentSpan === undefined ? context.active() : trace.setSpanContext(context.active(), parentSpan);
  const span = trace.getTracer('countersign').startSpan(name, { kind: SpanKind.SERVER }, within);
  // Without an exporter, the API's span is the caller's own: then the request still gets an id of its own.
  const traceparent = running === undefined ? childTraceparent(parent) : traceparentOf(span.spanContext());
  return { span, traceparent };
}

export function endRequestSpan({ span }: RequestSpan, route: string, status: number): void {
  span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
