import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020';
import Type from 'typebox';
import { Actor } from '#contracts/envelope';
import { AnyObject, Closed, Text, Timestamp } from '#contracts/schema';
import { DomainError, isStorableText } from '#libs/kernel';
import type { BusMessage } from './port';

/** A person's name, or as it travels: sealed. */
const Name = Type.Union([Text(200), Closed({ enc: Text(2000) })]);

/** What a message must have to be handed to a handler; its `data` is the business of the contract of its type. */
const Message = Type.Object({
  topic: Text(200),
  key: Text(500),
  id: Text(200),
  type: Text(200),
  source: Text(500),
  time: Timestamp,
  tenant: Text(200),
  schemaVersion: Type.Integer({ minimum: 1 }),
  actor: Closed({ kind: Actor.properties.kind, id: Name, behalfOf: Type.Optional(Name) }),
  correlationId: Text(200),
  causationId: Type.Optional(Text(200)),
  traceparent: Type.Optional(Text(100)),
  streamVersion: Type.Optional(Type.Integer({ minimum: 1 })),
  death: Type.Optional(
    Type.Object({ group: Text(200), code: Text(200), reason: Type.String(), field: Type.Optional(Type.String()) }),
  ),
  data: AnyObject,
});

const validate = addFormats(new Ajv2020({ strict: false })).compile<BusMessage>(Message);

/**
 * What came over a transport, as the message that it claims to be.
 * @throws DomainError('invalid_message') naming the field that is missing or wrong.
 */
export function parseMessage(candidate: unknown): BusMessage {
  if (!validate(candidate)) {
    const error = validate.errors?.[0];
    const path = [error?.instancePath.slice(1).replaceAll('/', '.'), error?.params['missingProperty']];
    throw new DomainError('invalid_message', {
      field: path.filter(Boolean).join('.') || 'message',
      reason: error?.message ?? 'is not a message',
    });
  }
  for (const field of ['key', 'id', 'tenant'] as const) {
    if (isStorableText(candidate[field])) continue;
    throw new DomainError('invalid_message', { field, reason: 'holds NUL or a lone surrogate' });
  }
  return candidate;
}
