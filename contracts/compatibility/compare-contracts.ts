import type { ContractSnapshot, EndpointSchemas } from './contract-snapshot';
import type { JsonSchema } from './json-schema';
import { losses } from './losses';
import { type Break, narrowings } from './narrowings';

/** What a call without parameters or without a body carries. */
const NOTHING: JsonSchema = { type: 'object', properties: {}, additionalProperties: false };

/**
 * What of a release the contracts of now break, a line each: the type or endpoint, the field, the reason. Empty when
 * they are compatible.
 */
export function compareContracts(released: ContractSnapshot, now: ContractSnapshot): string[] {
  const ofEvents = Object.entries(released.events).flatMap(([name, schema]) => {
    const successor = now.events[name];
    return lines(name, successor === undefined ? [unreadable(name)] : narrowings(schema, successor));
  });
  const ofHttp = Object.entries(released.http).flatMap(([name, schemas]) => {
    const successor = now.http[name];
    if (successor === undefined) return lines(name, [{ field: '', reason: 'is no longer served' }]);
    return [...ofRequest(name, schemas, successor), ...ofAnswers(name, schemas, successor)];
  });
  return [...ofEvents, ...ofHttp];
}

function unreadable(name: string): Break {
  const version = name.slice(name.lastIndexOf('.v') + 2);
  const reason = `is gone, and what was written by it stays: keep version ${version} as an earlier one, with its upcaster`;
  return { field: '', reason };
}

function ofRequest(name: string, before: EndpointSchemas, now: EndpointSchemas): string[] {
  return (['params', 'query', 'body'] as const).flatMap((part) => {
    if (before[part] === undefined && now[part] === undefined) return [];
    return lines(`${name} ${part}`, narrowings(before[part] ?? NOTHING, now[part] ?? NOTHING));
  });
}

function ofAnswers(name: string, before: EndpointSchemas, now: EndpointSchemas): string[] {
  return Object.entries(before.responses).flatMap(([status, schema]) => {
    const successor = now.responses[status];
    const answer = `${name} answer ${status}`;
    if (successor === undefined) return lines(answer, [{ field: '', reason: 'is no longer given' }]);
    return lines(answer, losses(schema, successor));
  });
}

const lines = (name: string, breaks: readonly Break[]): string[] =>
  breaks.map(({ field, reason }) => (field === '' ? `${name}: ${reason}` : `${name}: ${field} ${reason}`));
