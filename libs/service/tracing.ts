import type { Tracer } from '@opentelemetry/api';
import type { tracing } from '@opentelemetry/sdk-node';
import type { ServiceName } from '#contracts/envelope';
import type { TracingSettings } from './tracing-settings';

export interface RunningTracer {
  readonly tracer: Tracer;
  /** Sends what is left. */
  stop(): Promise<void>;
}

let users = 0;

/** A tracer for one service; without settings the SDK is not even loaded. */
export async function startTracing(
  settings: TracingSettings | undefined,
  service: ServiceName,
): Promise<RunningTracer | undefined> {
  if (settings === undefined) return undefined;
  const { node, resources, tracing: sdk, api } = await import('@opentelemetry/sdk-node');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const own = { 'service.name': `countersign-${service}`, 'service.namespace': 'countersign' };
  const given = resources.detectResources({ detectors: [resources.envDetector] });
  const exporter = new OTLPTraceExporter({ url: `${settings.endpoint.replace(/\/$/, '')}/v1/traces` });
  const provider = new node.NodeTracerProvider({
    resource: given.merge(resources.resourceFromAttributes(own)),
    sampler: samplerOf(sdk, settings),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter)],
  });
  // What keeps the span in hand is the process's: the first service brings it, and the last takes it away.
  if (users++ === 0) provider.register();
  return {
    tracer: provider.getTracer('countersign'),
    async stop() {
      await provider.shutdown();
      if (--users > 0) return;
      api.trace.disable();
      api.context.disable();
      api.propagation.disable();
    },
  };
}

type Sdk = typeof tracing;

function samplerOf(sdk: Sdk, { sampler, ratio }: TracingSettings): tracing.Sampler {
  const root = sampler.endsWith('always_on')
    ? new sdk.AlwaysOnSampler()
    : sampler.endsWith('always_off')
      ? new sdk.AlwaysOffSampler()
      : new sdk.TraceIdRatioBasedSampler(ratio);
  return withBatches(sdk, sampler.startsWith('parentbased') ? new sdk.ParentBasedSampler({ root }) : root);
}

/** A batch with links comes from traces that are recorded: left to chance, they would end in nothing. */
function withBatches(sdk: Sdk, sampler: tracing.Sampler): tracing.Sampler {
  return {
    shouldSample: (context, traceId, name, kind, attributes, links) =>
      links.length > 0
        ? { decision: sdk.SamplingDecision.RECORD_AND_SAMPLED }
        : sampler.shouldSample(context, traceId, name, kind, attributes, links),
    toString: () => sampler.toString(),
  };
}
