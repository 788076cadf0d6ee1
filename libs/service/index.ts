export * from './auth/actor';
export * from './auth/local-accounts';
export * from './auth/local-issuer';
export * from './auth/source-token-verifier';
export * from './auth/test-issuer';
export {
  invalidConfiguration,
  loadConfig,
  LOCAL_CLIENTS,
  variablePrefix,
  type Environment,
  type LogLevel,
  type ServiceSettings,
} from './config';
export { demandValid, findFieldErrors, type Coercion } from './contract-validator';
export { forgetErased } from './forget-erased';
export { parseSettings } from './settings-file';
export { fieldPath, type FieldErrors } from './field-errors';
export { ForeignProtocols, type ForeignAnswer } from './http/foreign-protocols';
export { problemCatalogue, problemOf, sendProblem, STATUS_OF_KIND, toDomainError } from './http/problem';
export { BODY_LIMIT } from './http/request-body';
export * from './http/request-context';
export { createLogger } from './logging';
export { type Measured, ServiceMetrics } from './metrics';
export { isLoopback } from './production-rules';
export * from './run-service';
export * from './service-definition';
export { shutDown, SHUTDOWN_MS, type ShutdownStep } from './shutdown';
export { shutdownSignal, untilSignalled } from './shutdown-signal';
export * from './start-service';
export * from './tokens';
export * from './walk-endpoints';
