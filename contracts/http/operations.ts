import Type from 'typebox';
import type { ServiceName } from '../envelope';
import { Closed, Literals } from '../schema';
import type { Endpoint } from './endpoint';

export const Health = Closed({
  status: Literals('ok', 'error', 'shutting_down'),
  details: Type.Record(Type.String(), Type.Object({ status: Literals('up', 'down') }, { additionalProperties: true })),
});

/** What every service serves on its own port for whoever operates it. None of it holds data of a tenant. */
export function operationEndpoints(service: ServiceName): readonly Endpoint[] {
  const shared = { method: 'GET', service, auth: 'public', local: true } as const;
  return [
    { ...shared, path: '/healthz', summary: 'Whether the process lives', responses: { 200: Health } },
    {
      ...shared,
      path: '/readyz',
      summary: 'Whether database, bus and projections are there',
      responses: { 200: Health, 503: Health },
    },
    {
      ...shared,
      path: '/metrics',
      summary: 'Metrics in the text format of Prometheus',
      responses: { 200: Type.String() },
      produces: 'text/plain',
    },
  ];
}
