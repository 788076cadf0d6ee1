import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { SERVICES } from '#contracts/envelope';
import { NODE_ARGUMENTS } from '#libs/local';

const root = join(__dirname, '..');
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

interface ComposeService {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}
const compose: { services: Record<string, ComposeService>; volumes: Record<string, unknown> } = parse(
  read('deploy', 'compose.yaml'),
  { merge: true },
);

describe('the compose file', () => {
  it.each(SERVICES)('runs %s from its own program, after the migration', (name) => {
    const service = compose.services[name];
    expect(service?.command).toEqual(['node', `dist/services/${name}/src/main.js`]);
    expect(existsSync(join(root, 'services', name, 'src', 'main.ts'))).toBe(true);
    expect(service?.depends_on?.['migrate']?.condition).toBe('service_completed_successfully');
    expect(service?.environment).toMatchObject({ COUNTERSIGN_PROFILE: 'development', COUNTERSIGN_BUS: 'kafka' });
  });

  it('tells the gateway where each service is, on the port that the image serves', () => {
    const environment = compose.services['gateway']?.environment ?? {};
    for (const name of SERVICES.filter((service) => service !== 'gateway')) {
      const variable = name === 'ledger' ? 'LEDGER_SERVICE_URL' : `${name.replaceAll('-', '_').toUpperCase()}_URL`;
      expect(environment[variable]).toMatch(new RegExp(`^http://${name}:808\\d$`));
      const port = environment[variable]?.split(':').at(-1);
      expect(read('services', name, 'src', 'service.ts')).toContain(`port: ${port}`);
    }
  });

  it('holds no password: the environment has to give each', () => {
    const text = read('deploy', 'compose.yaml');
    const passwords = [...text.matchAll(/PASSWORD: (\S+)|postgres:\/\/\w+:([^@]+)@/g)].map(([, a, b]) => a ?? b ?? '');
    expect(passwords.length).toBeGreaterThan(0);
    for (const password of passwords) expect(password).toMatch(/^\$\{/);
  });
});

describe('the container image', () => {
  const lines = read('deploy', 'Dockerfile').split('\n');

  it('copies only what is there', () => {
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  });

  it('runs as a user without rights, in the production profile', () => {
    expect(lines).toContain('USER node');
    expect(lines.join('\n')).toContain('COUNTERSIGN_PROFILE=production');
  });

  it('gives services as large a young generation as every other way to start them', () => {
    const young = NODE_ARGUMENTS.find((argument) => argument.startsWith('--max-semi-space-size='));
    expect(lines).toContain(`ENV NODE_OPTIONS=${young}`);
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'));
    for (const name of ['start', 'demo']) expect(scripts[name]).toBe(`node ${young} scripts/run.mjs ${name}`);
  });
});
