export * from './backlog-age';
export * from './telemetry';
export * from './traceparent';
