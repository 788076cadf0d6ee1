export * from './telemetry';
export * from './traceparent';
