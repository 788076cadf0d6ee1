/** OTEL_TRACES_SAMPLER (OpenTelemetry specification, SDK environment variables). */
export const SAMPLERS = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const;
export type Sampler = (typeof SAMPLERS)[number];

/** Where the spans of a service go, and which of them. */
export interface TracingSettings {
  /** Of the collector, without `/v1/traces`. */
  readonly endpoint: string;
  readonly sampler: Sampler;
  /** For the samplers by ratio: which part of the traces, 0 to 1. */
  readonly ratio: number;
}
