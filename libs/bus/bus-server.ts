import { Server, type MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { contractsOf, isDeadTopic, liveTopic, TOPICS } from '#contracts/topics';
import { DomainError } from '#libs/kernel';
import { inTrace, type Telemetry } from '#libs/telemetry';
import { messagingAttributes, type MessagingSystem } from './messaging-attributes';
import { BUS, type BatchHandler, type BusMessage, type Outcome } from './port';
import { DEFAULT_ATTEMPTS } from './retry-policy';

/** The third argument of `@EventPattern(topic, BUS, extras)`. */
export interface HandlerExtras {
  /** The most messages in one call. */
  readonly batch?: number;
  /** After so many attempts a message that is still to be retried is dead. */
  readonly attempts?: number;
  /** A handler that has not answered by then has failed; milliseconds. */
  readonly timeoutMs?: number;
  /**
   * The handler looks at nothing that is personal, and gets messages as they travel: to open what is sealed takes longer than
   * all else that is done to a message. One of an earlier version is opened all the same, to be brought to that of now.
   */
  readonly sealed?: boolean;
  /**
   * The types that the handler does something about; all of them when absent. A message of another type that is known is done
   * without its being read, checked or opened: most of what is on a topic is of no interest to most who follow it.
   */
  readonly types?: readonly string[];
}

/** A handler method of a Nest controller, ready to be called. */
export interface BusHandler extends Required<Omit<HandlerExtras, 'types'>> {
  readonly topic: string;
  /** Whether the handler does something about messages of this type. */
  readonly wants: (type: string) => boolean;
  /** Makes a message what a handler works on. */
  readonly open: OpenMessage;
  readonly handle: BatchHandler;
}

/** Who handles, for whoever watches. */
export interface Consumer {
  readonly system: MessagingSystem;
  readonly group: string;
  readonly telemetry: Telemetry;
}

/** Opens what is sealed in a message. */
export type OpenMessage = (message: BusMessage) => BusMessage;

const DEFAULTS: Required<Omit<HandlerExtras, 'types'>> = {
  batch: 500,
  attempts: DEFAULT_ATTEMPTS,
  timeoutMs: 60_000,
  sealed: false,
};

/**
 * Nest's custom transport strategy for the bus, with a subclass for each transport. Nest's own event path cannot serve:
 * it does not await the handler and its Kafka server knows single messages only. Connect it by `connectBus`.
 */
export abstract class BusServer extends Server {
  override transportId = BUS;
  /** Nest then leaves a handler's error to us instead of logging it as unhandled. */
  override readonly propagatesEventHandlerErrors = true;

  constructor(
    private readonly open: OpenMessage,
    private readonly consuming: Consumer,
  ) {
    super();
  }

  /** Begins to deliver; resolves when the first attempt to reach the transport has ended, well or not. */
  protected abstract start(handlers: readonly BusHandler[]): Promise<void>;
  /** Ends the batches in hand, records their outcomes, and leaves the group. Idempotent. */
  abstract stop(): Promise<void>;

  /** @throws DomainError('invalid_configuration') for a topic that does not exist or has a handler already. */
  override addHandler(
    topic: string,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    if (!isEventHandler) throw misused(topic, 'the bus carries events: use @EventPattern, not @MessagePattern');
    if (!TOPICS.includes(topic) && !isDeadTopic(topic)) {
      throw misused(topic, `is not a topic of the bus; those are ${TOPICS.join(', ')}, and <topic>.dead`);
    }
    if (this.messageHandlers.has(topic)) throw misused(topic, 'has a handler in this service already; join the two');
    super.addHandler(topic, callback, isEventHandler, extras);
  }

  override listen(callback: (error?: unknown) => void): void {
    const handlers = [...this.messageHandlers].map(([topic, handler]) =>
      toBusHandler(topic, handler, this.open, this.consuming),
    );
    this.start(handlers).then(() => callback(), callback);
  }

  override close(): Promise<void> {
    return this.stop();
  }

  override on(event: string): never {
    throw new DomainError('internal', `The bus emits no '${event}' to Nest's listeners`);
  }

  override unwrap<T>(): T {
    throw new DomainError('internal', 'The transport of the bus stays behind its port');
  }
}

function toBusHandler(topic: string, handler: MessageHandler, open: OpenMessage, consumer: Consumer): BusHandler {
  const { types, ...given }: HandlerExtras = handler.extras ?? {};
  const extras = { ...DEFAULTS, ...given };
  for (const name of ['batch', 'attempts', 'timeoutMs'] as const) {
    if (!Number.isInteger(extras[name]) || extras[name] < 1) {
      throw misused(topic, `extras.${name} must be a whole number above 0, but is ${String(extras[name])}`);
    }
  }
  const wants = interestIn(topic, types);
  return { topic, open, wants, ...extras, handle: (messages) => handleSeen(topic, messages, consumer, handler) };
}

function interestIn(topic: string, types: readonly string[] | undefined): (type: string) => boolean {
  if (types === undefined) return () => true;
  const isKnown = (type: string) => Object.hasOwn(contractsOf(liveTopic(topic)), type);
  const unknown = types.filter((type) => !isKnown(type));
  if (unknown.length > 0) throw misused(topic, `extras.types names ${unknown.join(', ')}, which it does not carry`);
  const wanted = new Set(types);
  // What only a later release knows is not passed by: that release may be about to do something about it.
  return (type) => wanted.has(type) || !isKnown(type);
}

/** A Nest handler answers with a promise of a value, or of an observable once a filter or an interceptor is involved. */
async function callNest(handler: MessageHandler, messages: BusMessage[]): Promise<Outcome[]> {
  const answer: unknown = await handler(messages);
  const outcomes: unknown = isObservable(answer) ? await lastValueFrom(answer, { defaultValue: undefined }) : answer;
  if (!Array.isArray(outcomes)) throw new DomainError('internal', 'The handler must return a list of outcomes');
  return outcomes;
}

/** What a handler makes of messages whose trace the batch's span stands in goes on from that span. */
function handleSeen(
  topic: string,
  messages: BusMessage[],
  { system, group, telemetry }: Consumer,
  handler: MessageHandler,
): Promise<Outcome[]> {
  const size = messages.length;
  const batch = {
    operation: 'process',
    destination: topic,
    size,
    origins: telemetry.origins(() => messages.map(({ traceparent }) => traceparent)),
    attributes: messagingAttributes('process', system, { topic, size, group }),
  } as const;
  return telemetry.batch(batch, (traceparent) =>
    callNest(handler, traceparent === undefined ? messages : messages.map((message) => inTrace(message, traceparent))),
  );
}

function misused(topic: string, reason: string): DomainError {
  return new DomainError('invalid_configuration', { field: `@EventPattern('${topic}')`, reason });
}
