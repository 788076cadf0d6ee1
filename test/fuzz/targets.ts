import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { AlertReceived, AlertRefused } from '#contracts/alert';
import { parseDocument, validatePlaybook } from '#libs/cacao';
import { DomainError, findUnstorableText, type JsonObject } from '#libs/kernel';
import { repositoryRoot } from '#libs/local';
import { findFieldErrors } from '#libs/service';
import { parseMapping, readMappings } from '../../services/ingest/src/adapters/mapping-folder';
import { receive, type AlertOrigin, type RawAlert, type Received } from '../../services/ingest/src/app/alert-reception';
import { objectsOf } from '../../services/ingest/src/app/concatenated-json';
import { ElasticBulk } from '../../services/ingest/src/app/elastic-bulk';
import { channelOf, HecAcknowledgements } from '../../services/ingest/src/app/hec-acknowledgement';
import { hecCredentials } from '../../services/ingest/src/app/hec-credentials';
import { otlpRecords, type OtlpEncoding } from '../../services/ingest/src/app/otlp-request';
import { linesOf } from '../../services/ingest/src/app/raw-alerts';
import { SyslogFrames } from '../../services/ingest/src/app/syslog/syslog-frames';
import { FormatRegistry } from '../../services/ingest/src/domain/formats/format-registry';
import { elasticEnvelope } from '../../services/ingest/src/domain/formats/elastic-document';
import { hecEnvelope } from '../../services/ingest/src/domain/formats/hec-event';
import { otlpEnvelope } from '../../services/ingest/src/domain/formats/otlp-log';
import { syslogEnvelope } from '../../services/ingest/src/domain/formats/syslog-event';
import { logRecordsInJson, logRecordsInProtobuf } from './otlp-corpus';
import { inPieces, spoiled } from './spoiled';
import { CEF_LINES, LEEF_LINES, SYSLOG_LINES } from './syslog-corpus';

/** A parser that faces the outside, and what holds whatever it is given. */
export interface FuzzTarget {
  /** A property that holds for every input: to be asserted with as many runs as there is time for. */
  property(timed: (work: () => void | Promise<void>) => Promise<void>): fc.IAsyncProperty<unknown>;
}

const fixtures = join(repositoryRoot, 'test', 'fixtures', 'alerts');
/** YAML is read at a megabyte a second: of short files there are more in the same time. Bytes. */
const SHORT_MAPPING = 1_500;
const mappings = join(repositoryRoot, 'services', 'ingest', 'mappings');
const filesOf = (folder: string, end: RegExp): Buffer[] =>
  readdirSync(folder)
    .filter((name) => end.test(name))
    .map((name) => readFileSync(join(folder, name)));

const alerts = [...filesOf(fixtures, /json$/), ...filesOf(join(fixtures, 'products'), /json$/)];
const compact = alerts.map((bytes) => bytes.toString('utf8').replaceAll(/\n\s*/g, '').replaceAll('}{', '}\n{'));
const lines = [Buffer.from(compact.slice(0, 6).join('\n')), ...compact.map((text) => Buffer.from(text))];
const pages = compact.slice(8, 20).map((text) => Buffer.from(`{"value":[${text}],"reply":{"alerts":[${text},1]}}`));
const events = compact.map((text) => Buffer.from(`{"event":${text},"time":1795528800.5,"host":"h"}{"event":"line"}`));

const actions = compact.map((text) => Buffer.from(`{"index":{"_id":"a"}}\n${text}\n{"create":{}}\n{"message":"m"}\n`));

const formats = new FormatRegistry(readMappings(mappings));
const origin: AlertOrigin = {
  tenant: 'default',
  sourceId: '0c3f2a52-7d3d-5c0e-9f2c-5b0f9f2f0001',
  source: 'fuzz',
  askedFormat: undefined,
  sourceFormat: undefined,
};
const now = new Date('2026-11-24T15:00:00Z');
const named = fc.constantFrom(undefined, ...formats.names());
const cuts = fc.array(fc.nat(), { maxLength: 4 });

/** Every reception is one that its contract allows and that the ledger can store; a refusal says why. */
function received(raw: RawAlert, from: AlertOrigin, onReceived?: (received: Received) => void): void {
  for (const one of receive(raw, from, formats, now)) {
    const { kind, alert, aside } = one;
    onReceived?.(one);
    const errors = findFieldErrors(kind === 'accepted' ? AlertReceived : AlertRefused, alert);
    if (errors.length > 0) throw new Error(`not as its contract says: ${JSON.stringify(errors)}`);
    const unstorable = findUnstorableText(alert as unknown as JsonObject);
    if (unstorable !== undefined) throw new Error(`cannot be stored: ${unstorable}`);
    if (aside === undefined && alert.original.digest !== undefined) throw new Error('the whole is not kept');
  }
}

async function* stream(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

/** Work that may refuse, by an error of the catalogue and nothing else. */
function refusing(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
  }
}

/** The body of OTLP over HTTP. */
const otlp = (corpus: readonly Buffer[], encoding: OtlpEncoding): FuzzTarget => ({
  property: (timed) =>
    fc.asyncProperty(spoiled(corpus), named, (bytes, sourceFormat) =>
      timed(() =>
        refusing(() => {
          const from = { ...origin, sourceFormat, envelope: otlpEnvelope };
          for (const raw of otlpRecords(bytes, encoding)) received(raw, from);
        }),
      ),
    ),
});

const fromSyslog: AlertOrigin = { ...origin, envelope: syslogEnvelope };

function framesOf(pieces: readonly Buffer[]): RawAlert[] {
  const frames = new SyslogFrames();
  const found = pieces.flatMap((piece) => frames.push(piece));
  const { frame } = frames.end();
  return frame === undefined ? found : [...found, frame];
}

/** Single messages: half of what is spoiled is then a part of the event, and not of the frames. */
function syslogMessages(
  corpus: readonly string[],
  timed: (work: () => void) => Promise<void>,
): fc.IAsyncProperty<unknown> {
  return fc.asyncProperty(spoiled(corpus.map((line) => Buffer.from(line))), named, (bytes, sourceFormat) =>
    timed(() => received({ bytes, size: bytes.length }, { ...fromSyslog, sourceFormat })),
  );
}

export const FUZZ_TARGETS: Readonly<Record<string, FuzzTarget>> = {
  /** An alert, or a page of them, in any format or in none. */
  alerts: {
    property: (timed) =>
      fc.asyncProperty(spoiled([...lines, ...pages]), named, (bytes, askedFormat) =>
        timed(() => received({ bytes, size: bytes.length }, { ...origin, askedFormat })),
      ),
  },
  /** The body of NDJSON, cut anywhere. */
  ndjson: {
    property: (timed) =>
      fc.asyncProperty(spoiled(lines), cuts, (bytes, places) =>
        timed(async () => {
          for await (const raw of linesOf(stream(inPieces(bytes, places)))) received(raw, origin);
        }),
      ),
  },
  /** The body of Splunk's HTTP Event Collector, cut anywhere. */
  hec: {
    property: (timed) =>
      fc.asyncProperty(spoiled(events), cuts, named, (bytes, places, sourceFormat) =>
        timed(async () => {
          const from = { ...origin, sourceFormat, envelope: hecEnvelope };
          for await (const raw of objectsOf(stream(inPieces(bytes, places)))) received(raw, from);
        }),
      ),
  },
  /** The body of the bulk API of Elasticsearch, cut anywhere. */
  'elastic-bulk': {
    property: (timed) =>
      fc.asyncProperty(spoiled(actions), cuts, named, (bytes, places, sourceFormat) =>
        timed(async () => {
          const from = { ...origin, sourceFormat, envelope: elasticEnvelope };
          const request = new ElasticBulk('i');
          let count = 0;
          try {
            for await (const raw of request.documents(linesOf(stream(inPieces(bytes, places))))) {
              received(raw, from, (one) => request.add(one, count++));
            }
            request.answer(0);
          } catch (error) {
            if (!(error instanceof DomainError)) throw error;
          }
        }),
      ),
  },
  /** A TCP stream of syslog messages, in either framing, cut anywhere: the same frames as uncut. */
  syslog: {
    property: (timed) => {
      const streams = SYSLOG_LINES.map((line, at) => {
        const next = SYSLOG_LINES[at + 1] ?? line;
        const counted = `${Buffer.byteLength(line)} ${line}${Buffer.byteLength(next)} ${next}`;
        return Buffer.from(at % 2 === 0 ? `${line}\n${next}\n` : counted);
      });
      return fc.asyncProperty(spoiled(streams), cuts, (bytes, places) =>
        timed(() => {
          const frames = framesOf(inPieces(bytes, places));
          const whole = framesOf([bytes]);
          if (
            frames.length !== whole.length ||
            frames.some(({ bytes: frame }, at) => !whole[at]?.bytes.equals(frame))
          ) {
            throw new Error('cut in pieces, there are other frames');
          }
          for (const frame of frames) received(frame, fromSyslog);
        }),
      );
    },
  },
  cef: { property: (timed) => syslogMessages(CEF_LINES, timed) },
  leef: { property: (timed) => syslogMessages(LEEF_LINES, timed) },
  /** What else its clients send: the header, the channel, the acknowledgements. */
  'hec-headers': {
    property: (timed) => {
      const header = fc.oneof(
        spoiled([Buffer.from('Splunk cs_src_x'), Buffer.from('Basic eDp5')]).map((bytes) => bytes.toString('latin1')),
        fc.string({ unit: 'binary' }),
      );
      const acknowledgements = new HecAcknowledgements();
      return fc.asyncProperty(header, fc.dictionary(fc.string(), fc.string()), fc.double(), (text, query, id) =>
        timed(() => {
          refusing(() => hecCredentials(text, query));
          refusing(() => channelOf(text, { channel: text }));
          acknowledgements.wasGiven('s', text, id);
          if (!acknowledgements.wasGiven('s', text, acknowledgements.give('s', text)))
            throw new Error('not known again');
        }),
      );
    },
  },
  'otlp-json': otlp(compact.map(logRecordsInJson), 'json'),
  'otlp-protobuf': otlp(compact.map(logRecordsInProtobuf), 'protobuf'),
  /** A playbook, in either format: refused, or judged with a reason for each finding. */
  playbooks: {
    property: (timed) => {
      const texts = filesOf(join(repositoryRoot, 'services', 'playbook-orchestrator', 'playbooks'), /yaml$/);
      const playbooks = texts.map((text) => parseDocument(text.toString('utf8'), 'yaml'));
      // Schemas are compiled when they are needed first, which takes longer than any playbook may.
      playbooks.forEach((playbook) => validatePlaybook(playbook));
      const documents = playbooks.map((playbook) => Buffer.from(JSON.stringify(playbook)));
      // As with mappings: a short one in YAML.
      const [shortest = Buffer.alloc(0)] = [...texts].sort((a, b) => a.length - b.length);
      const format = fc.constantFrom('json', 'yaml' as const);
      return fc.asyncProperty(spoiled([shortest, ...documents]), format, (bytes, written) =>
        timed(() =>
          refusing(() => {
            const { executable, findings } = validatePlaybook(parseDocument(bytes.toString('utf8'), written));
            const unsaid = findings.find(({ reason }) => reason === '');
            if (unsaid !== undefined) throw new Error(`no reason at ${unsaid.field}`);
            if (executable && findings.some(({ severity }) => severity === 'error'))
              throw new Error('executable, and wrong');
          }),
        ),
      );
    },
  },
  /** A mapping file. */
  mappings: {
    property: (timed) =>
      fc.asyncProperty(spoiled(filesOf(mappings, /yaml$/).filter(({ length }) => length < SHORT_MAPPING)), (bytes) =>
        timed(() =>
          refusing(() => {
            const format = parseMapping('fuzz.yaml', bytes.toString('utf8'));
            format.recognizes({ id: '1', a: [{ b: 1 }] });
            refusing(() => format.normalize({ id: '1', a: [{ b: 1 }] }, { receivedAt: 0, digest: 'd' }));
          }),
        ),
      ),
  },
};
