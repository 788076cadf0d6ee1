import { Controller, Get, Headers, HttpCode, Post, Query } from '@nestjs/common';
import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { HEC_ANSWERS, HecAcks, type HecAcknowledged, type HecAnswer } from '#contracts/http/splunk-hec';
import { demandValid, RawBody, Trace, type RequestTrace } from '#libs/service';
import type { Static } from 'typebox';
import { hecEnvelope } from '../domain/formats/hec-event';
import { HecError } from '../domain/hec-error';
import { AlertIntakeDesk } from './alert-intake';
import { AlertPublisher } from './alert-publisher';
import type { RawAlert } from './alert-reception';
import { objectsOf } from './concatenated-json';
import { channelOf, HecAcknowledgements } from './hec-acknowledgement';
import { answering } from './let-go';
import { counted } from './memory-budget';
import { decoded, linesOf } from './raw-alerts';
import { SourceDirectory, type KnownSource } from './source-directory';

const CHANNEL = 'x-splunk-request-channel';
/** A question about a hundred thousand acknowledgements. Bytes. */
const LARGEST_QUESTION = 2 * 1024 * 1024;

type RawQuery = Readonly<Record<string, unknown>>;

/** Splunk's HTTP Event Collector, so that what sends events to Splunk sends them here unchanged. */
@Controller('/services/collector')
export class SplunkHecController {
  private readonly acknowledgements = new HecAcknowledgements();

  constructor(
    private readonly desk: AlertIntakeDesk,
    private readonly publisher: AlertPublisher,
    private readonly directory: SourceDirectory,
  ) {}

  @Post(['', '1.0', 'event', 'event/1.0'])
  @HttpCode(200)
  async events(
    @RawBody() body: Readable,
    @Headers() headers: IncomingHttpHeaders,
    @Query() query: RawQuery,
    @Trace() trace: RequestTrace,
  ): Promise<HecAnswer> {
    return answering(body, () => this.take((chunks) => objectsOf(chunks), body, headers, query, trace));
  }

  @Post(['raw', 'raw/1.0'])
  @HttpCode(200)
  async raw(
    @RawBody() body: Readable,
    @Headers() headers: IncomingHttpHeaders,
    @Query() query: RawQuery,
    @Trace() trace: RequestTrace,
  ): Promise<HecAnswer> {
    return answering(body, () => this.take((chunks) => eventsOf(linesOf(chunks), query), body, headers, query, trace));
  }

  @Post(['ack', 'ack/1.0'])
  @HttpCode(200)
  async acknowledged(
    @RawBody() body: Readable,
    @Headers() headers: IncomingHttpHeaders,
    @Query() query: RawQuery,
  ): Promise<Static<typeof HecAcknowledged>> {
    const source = await this.directory.hecSourceOf(headers, query);
    if (source.settings.hecAcknowledgement === 'off') throw new HecError(14, 'The source has no acknowledgement.');
    const channel = channelOf(headers[CHANNEL], query);
    if (channel === undefined) throw new HecError(10, `Send the header ${CHANNEL}.`);
    const { acks } = await questionIn(decoded(body, headers['content-encoding']));
    const known = acks.map((id) => [String(id), this.acknowledgements.wasGiven(source.id, channel, id)] as const);
    return { acks: Object.fromEntries(known) };
  }

  @Get(['health', 'health/1.0'])
  health(): HecAnswer {
    if (this.publisher.isBusy) throw new HecError(18, 'More alerts wait for the bus than it takes.');
    return { text: HEC_ANSWERS[17].text, code: 17 };
  }

  private async take(
    split: (chunks: AsyncIterable<Buffer>) => AsyncIterable<RawAlert>,
    body: Readable,
    headers: IncomingHttpHeaders,
    query: RawQuery,
    trace: RequestTrace,
  ): Promise<HecAnswer> {
    // The guard has verified this very token; its answer is remembered.
    const source = await this.directory.hecSourceOf(headers, query);
    const channel = demandedChannel(source, channelOf(headers[CHANNEL], query));
    let refusal: HecError | undefined;
    const intake = await this.desk.take(
      {
        source,
        envelope: hecEnvelope,
        traceparent: trace.traceparent,
        onReceived: (received, index) => {
          if (received.kind === 'accepted') return;
          const { error } = received;
          const code = error instanceof HecError ? error.hecCode : 6;
          refusal ??= new HecError(code, `Event ${index}: ${error.message}`, index);
        },
      },
      async (share) => {
        const chunks = counted(decoded(body, headers['content-encoding']), share);
        return { kind: 'lines', alerts: split(chunks) };
      },
    );
    if (intake.accepted + intake.rejected === 0) throw new HecError(5, 'The body holds no event.');
    if (refusal !== undefined) throw refusal;
    const ackId = channel === undefined ? undefined : this.acknowledgements.give(source.id, channel);
    return { text: HEC_ANSWERS[0].text, code: 0, ...(ackId !== undefined && { ackId }) };
  }
}

function demandedChannel({ settings }: KnownSource, channel: string | undefined): string | undefined {
  if (settings.hecAcknowledgement === 'off') return undefined;
  if (settings.hecAcknowledgement === 'required' && channel === undefined) {
    throw new HecError(10, `The source demands acknowledgement: send the header ${CHANNEL}.`);
  }
  return channel;
}

/** Lines as the events that they would be at the other endpoint, with what the query says of them all. */
async function* eventsOf(lines: AsyncIterable<RawAlert>, query: RawQuery): AsyncGenerator<RawAlert> {
  const names = ['time', 'host', 'source', 'sourcetype', 'index'];
  const about = Object.fromEntries(names.flatMap((name) => (name in query ? [[name, query[name]]] : [])));
  for await (const line of lines) {
    // What is cut off, or no text, is refused as the bytes that it is.
    if (line.bytes.length < line.size || !isUtf8(line.bytes)) yield line;
    else {
      const event = line.bytes.toString('utf8').replace(/\r$/, '');
      yield rawOf(Buffer.from(JSON.stringify({ ...about, event }), 'utf8'));
    }
  }
}

const rawOf = (bytes: Buffer): RawAlert => ({ bytes, size: bytes.length });

async function questionIn(body: AsyncIterable<Buffer>): Promise<Static<typeof HecAcks>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST_QUESTION) throw new HecError(27, 'Ask about fewer acknowledgements at once.');
    chunks.push(chunk);
  }
  if (size === 0) throw new HecError(5, 'The body is empty.');
  try {
    const question: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    demandValid(HecAcks, question, 'body');
    return question as Static<typeof HecAcks>;
  } catch (error) {
    throw new HecError(6, `Send {"acks": [...]}: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
