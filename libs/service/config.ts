import { resolve } from 'node:path';
import Type, { type Static, type TObject } from 'typebox';
import type { ServiceName } from '#contracts/envelope';
import { PRINCIPAL_KINDS, type PrincipalKind } from '#contracts/envelope';
import { Literals } from '#contracts/schema';
import { DomainError } from '#libs/kernel';
import { PERSONAL_KEYS } from '#libs/personal-data';
import { findFieldErrors } from './contract-validator';
import { productionProblems } from './production-rules';
import { type Sampler, SAMPLERS, type TracingSettings } from './tracing-settings';
import { PROFILES, type Profile, type ServiceDefinition } from './service-definition';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that every service knows. Those with the service's name in them are in `settingsOf`. */
const Common = Type.Object({
  COUNTERSIGN_PROFILE: Type.Unsafe<Profile>({ ...Literals(...PROFILES), default: 'production' }),
  LEDGER_URL: Type.String({ pattern: '^postgres(ql)?://' }),
  /** The folder with what was archived of the ledger. */
  LEDGER_ARCHIVE: Type.Optional(Type.String({ minLength: 1 })),
  COUNTERSIGN_BUS: Type.Unsafe<'postgres' | 'kafka'>({ ...Literals('postgres', 'kafka'), default: 'postgres' }),
  KAFKA_BROKERS: Type.Optional(Type.String({ minLength: 1 })),
  KAFKA_SSL: Type.Boolean({ default: false }),
  KAFKA_SASL_MECHANISM: Type.Optional(Literals('plain', 'scram-sha-256', 'scram-sha-512')),
  KAFKA_SASL_USERNAME: Type.Optional(Type.String({ minLength: 1 })),
  KAFKA_SASL_PASSWORD: Type.Optional(Type.String({ minLength: 1 })),
  COUNTERSIGN_HOST: Type.String({ minLength: 1, default: '127.0.0.1' }),
  COUNTERSIGN_DATA: Type.String({ minLength: 1, default: './.countersign' }),
  COUNTERSIGN_KEYS_DIR: Type.Optional(Type.String({ minLength: 1 })),
  COUNTERSIGN_ROOT_PUBLIC_KEY_FILE: Type.Optional(Type.String({ minLength: 1 })),
  COUNTERSIGN_PERSONAL_KEYS_FILE: Type.Optional(Type.String({ minLength: 1 })),
  COUNTERSIGN_LOG_LEVEL: Type.Unsafe<LogLevel>({
    ...Literals('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
  }),
  GATEWAY_PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 8080 }),
  OIDC_ISSUER: Type.Optional(Type.String({ pattern: '^https?://' })),
  /** `client=kind` separated by commas: which kind of principal each OIDC client stands for. */
  OIDC_CLIENTS: Type.Optional(Type.String({ minLength: 1 })),
  /** OpenTelemetry's own variables; those of the exporter and its queue beside them are read by its SDK. */
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  OTEL_SDK_DISABLED: Type.Boolean({ default: false }),
  OTEL_TRACES_SAMPLER: Type.Unsafe<Sampler>({ ...Literals(...SAMPLERS), default: 'parentbased_always_on' }),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({ minimum: 0, maximum: 1, default: 1 }),
});
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
export type CommonVariables = Static<typeof Common>;

/** The clients of the local issuer; production names its own by OIDC_CLIENTS. */
export const LOCAL_CLIENTS: Readonly<Record<string, PrincipalKind>> = {
  'countersign-cli': 'human',
  'countersign-console': 'human',
  'countersign-agent': 'agent',
  'countersign-service': 'service',
};

/** What libs/service itself needs, from the common variables and those that carry the service's name. */
export interface ServiceSettings {
  readonly profile: Profile;
  readonly host: string;
  readonly port: number;
  readonly ledgerUrl: string;
  /** Where archived history is read from; undefined where nobody needs any. */
  readonly archiveFolder?: string;
  readonly databaseUrl: string;
  readonly bus: 'postgres' | 'kafka';
  readonly kafka?: {
    readonly brokers: readonly string[];
    readonly ssl: boolean;
    readonly sasl?: { readonly mechanism: string; readonly username: string; readonly password: string };
  };
  readonly issuer: string;
  readonly clients: ReadonlyMap<string, PrincipalKind>;
  readonly dataFolder: string;
  readonly keysFolder: string;
  readonly rootPublicKeyFile: string;
  /** The keys that personal data is encrypted with; the same file for every process. */
  readonly personalKeysFile: string;
  readonly logLevel: LogLevel;
  /** Undefined when no spans are made. */
  readonly tracing?: TracingSettings;
}

export interface LoadedConfig<Config extends TObject> {
  readonly settings: ServiceSettings;
  readonly config: Static<Config>;
}

/** `playbook-orchestrator` is PLAYBOOK_ORCHESTRATOR in the names of variables. */
export const variablePrefix = (service: ServiceName): string => service.replaceAll('-', '_').toUpperCase();

type Mistake = { readonly field: string; readonly reason: string };

/**
 * Parses the environment once. Throws DomainError('invalid_configuration') naming every variable that is wrong, and, in
 * the production profile, every setting that is not fit for it.
 */
export function loadConfig<Config extends TObject>(
  definition: Pick<ServiceDefinition<Config>, 'name' | 'port' | 'config' | 'refuseInProduction'>,
  environment: Environment,
): LoadedConfig<Config> {
  const prefix = variablePrefix(definition.name);
  const Own = Type.Object({
    [`${prefix}_PORT`]: Type.Integer({ minimum: 0, maximum: 65535, default: definition.port }),
    [`${prefix}_DATABASE_URL`]: Type.Optional(Type.String({ pattern: '^postgres(ql)?://' })),
  });
  const mistakes: Mistake[] = [];
  const common = parse(Common, environment, mistakes);
  const own: Record<string, unknown> = parse(Own, environment, mistakes);
  const config = parse(definition.config, environment, mistakes);
  const clients = parseClients(common.OIDC_CLIENTS, mistakes);
  if (common.COUNTERSIGN_BUS === 'kafka' && !common.KAFKA_BROKERS) {
    mistakes.push({ field: 'KAFKA_BROKERS', reason: 'is required with COUNTERSIGN_BUS=kafka' });
  }
  if (Boolean(common.KAFKA_SASL_USERNAME) !== Boolean(common.KAFKA_SASL_PASSWORD)) {
    mistakes.push({ field: 'KAFKA_SASL_PASSWORD', reason: 'and KAFKA_SASL_USERNAME are set together or not at all' });
  }
  if (mistakes.length === 0 && common.COUNTERSIGN_PROFILE === 'production') {
    mistakes.push(...productionProblems(common));
    for (const problem of definition.refuseInProduction?.(config) ?? []) {
      const [field = problem, ...reason] = problem.split(': ');
      mistakes.push({ field, reason: reason.join(': ') });
    }
  }
  if (mistakes.length > 0) throw invalidConfiguration(mistakes);
  const settings = settingsOf(common, clients, Number(own[`${prefix}_PORT`]), own[`${prefix}_DATABASE_URL`]);
  return { settings, config };
}

export function invalidConfiguration(mistakes: readonly Mistake[]): DomainError {
  return new DomainError('invalid_configuration', {
    field: mistakes[0]?.field,
    reason: mistakes.map(({ field, reason }) => `${field} ${reason}`).join('; '),
    errors: mistakes,
  });
}

function settingsOf(
  common: CommonVariables,
  clients: ReadonlyMap<string, PrincipalKind>,
  port: number,
  databaseUrl: unknown,
): ServiceSettings {
  const dataFolder = resolve(common.COUNTERSIGN_DATA);
  const keysFolder = resolve(common.COUNTERSIGN_KEYS_DIR ?? `${dataFolder}/keys`);
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = common;
  return {
    profile: common.COUNTERSIGN_PROFILE,
    host: common.COUNTERSIGN_HOST,
    port,
    ledgerUrl: common.LEDGER_URL,
    archiveFolder: common.LEDGER_ARCHIVE && resolve(common.LEDGER_ARCHIVE),
    databaseUrl: typeof databaseUrl === 'string' ? databaseUrl : common.LEDGER_URL,
    bus: common.COUNTERSIGN_BUS,
    kafka: common.KAFKA_BROKERS
      ? {
          brokers: common.KAFKA_BROKERS.split(',').map((broker) => broker.trim()),
          ssl: common.KAFKA_SSL,
          sasl:
            username && password
              ? { mechanism: common.KAFKA_SASL_MECHANISM ?? 'scram-sha-512', username, password }
              : undefined,
        }
      : undefined,
    issuer: (common.OIDC_ISSUER ?? `http://127.0.0.1:${common.GATEWAY_PORT}`).replace(/\/$/, ''),
    clients,
    dataFolder,
    keysFolder,
    rootPublicKeyFile: resolve(common.COUNTERSIGN_ROOT_PUBLIC_KEY_FILE ?? `${keysFolder}/root.public.pem`),
    personalKeysFile: resolve(common.COUNTERSIGN_PERSONAL_KEYS_FILE ?? `${keysFolder}/${PERSONAL_KEYS}`),
    logLevel: common.COUNTERSIGN_LOG_LEVEL,
    tracing: tracingOf(common),
  };
}

function tracingOf(common: CommonVariables): TracingSettings | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: isDisabled } = common;
  if (endpoint === undefined || isDisabled) return undefined;
  return { endpoint, sampler: common.OTEL_TRACES_SAMPLER, ratio: common.OTEL_TRACES_SAMPLER_ARG };
}

/** An empty variable counts as one that is not set: compose files and shells cannot tell them apart. */
function parse<Schema extends TObject>(schema: Schema, environment: Environment, mistakes: Mistake[]): Static<Schema> {
  const value: Record<string, unknown> = {};
  for (const name of Object.keys(schema.properties)) {
    const text = environment[name];
    if (text !== undefined && text !== '') value[name] = text;
  }
  mistakes.push(...findFieldErrors(schema, value, 'coerced').map(({ field, reason }) => ({ field, reason })));
  return value as Static<Schema>;
}

function parseClients(text: string | undefined, mistakes: Mistake[]): ReadonlyMap<string, PrincipalKind> {
  if (text === undefined) return new Map(Object.entries(LOCAL_CLIENTS));
  const clients = new Map<string, PrincipalKind>();
  for (const pair of text.split(',')) {
    const [client = '', kind = ''] = pair.split('=').map((part) => part.trim());
    const known = PRINCIPAL_KINDS.find((name) => name === kind);
    if (client !== '' && known !== undefined && known !== 'source') clients.set(client, known);
    else {
      mistakes.push({
        field: 'OIDC_CLIENTS',
        reason: `must be client=kind pairs, kind one of human, agent, service; '${pair}' is not`,
      });
    }
  }
  return clients;
}
