import Type from 'typebox';
import { Closed } from '#contracts/schema';
import { DomainError } from '#libs/kernel';
import { loadConfig, type Environment } from './config';

const definition = {
  name: 'playbook-orchestrator',
  port: 8084,
  config: Closed({ ORCHESTRATOR_STEPS: Type.Integer({ default: 7 }), ORCHESTRATOR_MODE: Type.Optional(Type.String()) }),
  refuseInProduction: (config: { ORCHESTRATOR_MODE?: string }) =>
    config.ORCHESTRATOR_MODE === 'toy' ? ['ORCHESTRATOR_MODE: is a toy'] : [],
} as const;
const LEDGER_URL = 'postgres://db/countersign';

function mistakes(environment: Environment): Record<string, string> {
  try {
    loadConfig(definition, environment);
  } catch (error) {
    if (error instanceof DomainError && error.code === 'invalid_configuration') {
      return Object.fromEntries((error.errors ?? []).map(({ field, reason }) => [field, reason]));
    }
    throw error;
  }
  return {};
}

describe('the configuration', () => {
  it('comes from the environment, coerced, with defaults; empty counts as not set', () => {
    const { settings, config } = loadConfig(definition, {
      COUNTERSIGN_PROFILE: 'demo',
      LEDGER_URL,
      PLAYBOOK_ORCHESTRATOR_PORT: '9000',
      ORCHESTRATOR_MODE: '',
    });
    expect(config).toEqual({ ORCHESTRATOR_STEPS: 7 });
    expect(settings).toMatchObject({
      profile: 'demo',
      port: 9000,
      databaseUrl: LEDGER_URL,
      issuer: 'http://127.0.0.1:8080',
      bus: 'postgres',
    });
    expect(settings.clients.get('countersign-agent')).toBe('agent');
  });

  it('names every variable that is wrong at once', () => {
    expect(
      mistakes({
        COUNTERSIGN_PROFILE: 'toy',
        COUNTERSIGN_BUS: 'kafka',
        PLAYBOOK_ORCHESTRATOR_PORT: 'x',
        ORCHESTRATOR_STEPS: 'many',
        OIDC_CLIENTS: 'a=human,b=source',
      }),
    ).toEqual({
      COUNTERSIGN_PROFILE: 'must be one of demo, development, production',
      LEDGER_URL: 'is required',
      PLAYBOOK_ORCHESTRATOR_PORT: 'must be a whole number, but is a text',
      ORCHESTRATOR_STEPS: 'must be a whole number, but is a text',
      OIDC_CLIENTS: "must be client=kind pairs, kind one of human, agent, service; 'b=source' is not",
      KAFKA_BROKERS: 'is required with COUNTERSIGN_BUS=kafka',
    });
  });
});

describe('the production profile', () => {
  const good = {
    LEDGER_URL,
    OIDC_ISSUER: 'https://login.example.org',
    OIDC_CLIENTS: 'console=human',
    COUNTERSIGN_ROOT_PUBLIC_KEY_FILE: '/etc/countersign/root.pem',
    COUNTERSIGN_BUS: 'kafka',
    KAFKA_BROKERS: 'kafka:9093',
    KAFKA_SSL: 'true',
  };

  it('is the default, and starts when all is set', () => {
    expect(mistakes(good)).toEqual({});
    expect(loadConfig(definition, good).settings.profile).toBe('production');
  });

  it.each([
    ['the local issuer', { OIDC_ISSUER: 'http://127.0.0.1:8080' }, 'OIDC_ISSUER', 'refuses the local issuer'],
    ['no issuer', { OIDC_ISSUER: undefined }, 'OIDC_ISSUER', 'is required'],
    ['an issuer over plain http', { OIDC_ISSUER: 'http://login.example.org' }, 'OIDC_ISSUER', 'must be https'],
    ['a plaintext broker', { KAFKA_SSL: 'false' }, 'KAFKA_SSL', 'plaintext broker'],
    ['no registry of clients', { OIDC_CLIENTS: undefined }, 'OIDC_CLIENTS', 'is required'],
    ['keys that migrate made', { COUNTERSIGN_KEYS_DIR: './.countersign/keys' }, 'COUNTERSIGN_KEYS_DIR', 'for a demo'],
    ['what the service itself refuses', { ORCHESTRATOR_MODE: 'toy' }, 'ORCHESTRATOR_MODE', 'is a toy'],
  ])('refuses %s', (_, change, field, reason) => {
    expect(mistakes({ ...good, ...change })[field]).toContain(reason);
  });

  it('makes spans only where an endpoint takes them, and by the sampler that OpenTelemetry names', () => {
    const tracing = (environment: Environment) =>
      loadConfig(definition, { COUNTERSIGN_PROFILE: 'demo', LEDGER_URL, ...environment }).settings.tracing;
    const endpoint = 'http://collector:4318';
    expect(tracing({ OTEL_TRACES_SAMPLER_ARG: '0.5' })).toBeUndefined();
    expect(tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: 'true' })).toBeUndefined();
    expect(tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toEqual({
      endpoint,
      sampler: 'parentbased_always_on',
      ratio: 1,
    });
    expect(
      tracing({
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.01',
      }),
    ).toEqual({ endpoint, sampler: 'parentbased_traceidratio', ratio: 0.01 });
    const wrong = {
      COUNTERSIGN_PROFILE: 'demo',
      LEDGER_URL,
      OTEL_TRACES_SAMPLER: 'half',
      OTEL_TRACES_SAMPLER_ARG: '2',
    };
    expect(Object.keys(mistakes(wrong)).sort()).toEqual(['OTEL_TRACES_SAMPLER', 'OTEL_TRACES_SAMPLER_ARG']);
  });
});
