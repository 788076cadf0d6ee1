import type { Endpoint } from '#contracts/http/endpoint';
import { DomainError } from '#libs/kernel';

/** One service's rows of the table of endpoints, and the routes that its controllers really have. */
export class EndpointTable {
  private readonly rows: ReadonlyMap<string, Endpoint>;
  private readonly routes = new Set<string>();

  constructor(endpoints: readonly Endpoint[]) {
    this.rows = new Map(endpoints.map((endpoint) => [keyOf(endpoint.method, endpoint.path), endpoint]));
  }

  /** Notes a route that Fastify is told of. */
  addRoute(method: string | readonly string[], path: string): void {
    for (const one of [method].flat()) this.routes.add(keyOf(one, path));
  }

  find(method: string, path: string | undefined): Endpoint | undefined {
    return path === undefined ? undefined : this.rows.get(keyOf(method, path));
  }

  /**
   * Throws DomainError('invalid_configuration') naming every route that is not in the table (it would have neither
   * authentication nor validation) and every row of the table that nobody serves.
   */
  demandComplete(): void {
    const unlisted = [...this.routes].filter((route) => !this.rows.has(route));
    const unserved = [...this.rows.keys()].filter((row) => !this.routes.has(row));
    const errors = [
      ...unlisted.map((field) => ({
        field,
        reason: 'is a route that is not in the table of endpoints (contracts/http)',
      })),
      ...unserved.map((field) => ({ field, reason: 'is in the table of endpoints but has no controller' })),
    ];
    if (errors.length === 0) return;
    throw new DomainError('invalid_configuration', {
      reason: errors.map(({ field, reason }) => `${field} ${reason}`).join('; '),
      errors,
    });
  }
}

const keyOf = (method: string, path: string): string => `${method} ${path}`;
