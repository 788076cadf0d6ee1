import type { ServiceName } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { freePort } from '#libs/local';
import { type Environment, variablePrefix, type ServiceDefinition } from '#libs/service';

export type Ports = ReadonlyMap<ServiceName, number>;

/**
 * The port of each service: from `<SERVICE>_PORT`, else the design's; with `anyFree` one that nobody uses, so that
 * several Countersigns run on one machine.
 * @throws DomainError('invalid_configuration') naming every port that another program has.
 */
export async function choosePorts(
  definitions: readonly Pick<ServiceDefinition, 'name' | 'port'>[],
  environment: Environment,
  anyFree: boolean,
): Promise<Ports> {
  const ports = new Map<ServiceName, number>();
  const taken: { field: string; reason: string }[] = [];
  for (const { name, port } of definitions) {
    const variable = `${variablePrefix(name)}_PORT`;
    const wanted = Number(environment[variable] || (anyFree ? 0 : port));
    const free = await freePort(wanted, [...ports.values()]);
    if (wanted !== 0 && free !== wanted) {
      taken.push({ field: variable, reason: `another program listens on port ${wanted}; stop it, or set ${variable}` });
    }
    ports.set(name, free);
  }
  if (taken.length === 0) return ports;
  throw new DomainError('invalid_configuration', {
    field: taken[0]?.field,
    reason: taken.map(({ reason }) => reason).join('; '),
    errors: taken,
  });
}

/** `<SERVICE>_PORT` and `<SERVICE>_URL` of all services, for each of them. */
export function portVariables(ports: Ports): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, port] of ports) {
    variables[`${variablePrefix(name)}_PORT`] = String(port);
    variables[`${variablePrefix(name)}_URL`] = urlOn(port);
  }
  return variables;
}

export const urlOn = (port: number | undefined): string => `http://127.0.0.1:${port ?? 0}`;
