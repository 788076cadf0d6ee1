import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import type { AlertReceived, AlertRefused, DetectionFinding, Original } from '#contracts/alert';
import { canonicalJson } from '#libs/event-store';
import { deterministicId, DomainError, isJsonObject, newId, type JsonObject } from '#libs/kernel';
import { parseAlert } from '../domain/alert-json';
import { alertsOfPage } from '../domain/alert-page';
import { summaryOf } from '../domain/alert-summary';
import { shortened } from '../domain/formats/alert-fields';
import type { AlertEnvelope, AlertFormat } from '../domain/formats/alert-format';
import type { FormatRegistry } from '../domain/formats/format-registry';
import { attempt } from './attempt';

/** An alert may be this long; a larger one is refused by name. Bytes. */
export const LARGEST_ALERT = 8 * 1024 * 1024;
/** So much of an original travels on the bus and stands in the ledger; a larger one is kept aside. Bytes. */
export const LARGEST_INLINE = 256 * 1024;
/** What travels of an alert that is kept aside, its summary and its finding. Bytes, each. */
const LARGEST_SUMMARY = 96 * 1024;
/** Of an alert that is refused for its size, so much of the beginning is kept. Bytes. */
export const KEPT_OF_TOO_LARGE = 16 * 1024;

/** The bytes of one alert. `size` is that of the whole, of which `bytes` may be only the beginning. */
export interface RawAlert {
  readonly bytes: Buffer;
  readonly size: number;
  /** Why it can be no alert, where who took it out of something else knows better than who reads the bytes. */
  readonly refusal?: DomainError;
  /**
   * Where it lies for good, such as an offset of a topic. Alerts without an id of their own are then told apart by it,
   * and not by what they say alone.
   */
  readonly place?: string;
}

export interface AlertOrigin {
  readonly tenant: string;
  readonly sourceId: string;
  /** The source's name, for people. */
  readonly source: string;
  /** `?format=`. */
  readonly askedFormat: string | undefined;
  /** What the source is registered with. */
  readonly sourceFormat: string | undefined;
  /** Around each alert, by the way that it comes in. */
  readonly envelope?: AlertEnvelope;
}

export type Received = (
  | { readonly kind: 'accepted'; readonly alert: AlertReceived }
  | { readonly kind: 'refused'; readonly alert: AlertRefused; readonly error: DomainError }
) & {
  /** The whole of an original that is too large to travel: to be kept under `alert.original.digest` before it goes out. */
  readonly aside?: Buffer;
};

/**
 * The receptions that one alert makes: itself, or each alert of the page that it turns out to be. Each is a finding, or a
 * refusal that keeps what was sent. Nothing that a sender writes makes it throw.
 */
export function* receive(
  raw: RawAlert,
  origin: AlertOrigin,
  formats: FormatRegistry,
  now: Date,
): Generator<Received, void, undefined> {
  const reading = attempt(() => readAlert(raw, origin, formats));
  const page = reading instanceof DomainError ? undefined : attempt(() => pageOf(reading, origin, formats));
  if (page === undefined || page instanceof DomainError) {
    yield receptionOf(raw, page ?? reading, origin, formats, now);
    return;
  }
  for (const [index, text] of page.entries()) {
    const bytes = Buffer.from(text, 'utf8');
    const item = { bytes, size: bytes.length, ...(raw.place !== undefined && { place: `${raw.place}[${index}]` }) };
    const read = attempt(() => readAlert(item, origin, formats));
    yield receptionOf(item, read, origin, formats, now);
  }
}

interface Reading {
  readonly text: string;
  readonly alert: JsonObject;
  /** Undefined where none is named and the alert looks like none. */
  readonly format: AlertFormat | undefined;
}

/** A page may be as large as its body; whether an alert is too large is told later. */
function readAlert(raw: RawAlert, origin: AlertOrigin, formats: FormatRegistry): Reading {
  if (raw.refusal !== undefined) throw raw.refusal;
  if (raw.bytes.length < raw.size) demandSize(raw);
  const { parse } = origin.envelope ?? {};
  const text = parse === undefined ? textOf(raw.bytes) : legibleText(raw.bytes);
  const outer = (parse ?? parseAlert)(text);
  if (origin.envelope === undefined) {
    return { text, alert: outer, format: namedFormat(origin, formats) ?? formats.recognizing(outer) };
  }
  const inside = origin.envelope.open(outer);
  const named = namedFormat(origin, formats);
  for (const alert of inside) {
    const format = named === undefined ? formats.recognizing(alert) : named.recognizes(alert) ? named : undefined;
    if (format !== undefined) return { text, alert, format };
  }
  const [likeliest] = inside;
  if (named !== undefined && likeliest !== undefined) return { text, alert: likeliest, format: named };
  return { text, alert: outer, format: origin.envelope.otherwise };
}

function pageOf({ text, alert, format }: Reading, origin: AlertOrigin, formats: FormatRegistry): string[] | undefined {
  if (origin.envelope !== undefined) return undefined;
  const named = namedFormat(origin, formats);
  const isAlert = named === undefined ? format !== undefined : named.pages === undefined || named.recognizes(alert);
  return isAlert ? undefined : alertsOfPage(text, alert, named, formats);
}

/** @throws DomainError('unknown_format') */
function namedFormat(origin: AlertOrigin, formats: FormatRegistry): AlertFormat | undefined {
  if (origin.askedFormat !== undefined) return formats.named(origin.askedFormat, 'format');
  return origin.sourceFormat === undefined ? undefined : formats.named(origin.sourceFormat, 'source.format');
}

function receptionOf(
  raw: RawAlert,
  reading: Reading | DomainError,
  origin: AlertOrigin,
  formats: FormatRegistry,
  now: Date,
): Received {
  const original = originalOf(raw, reading);
  const aside = original.digest === undefined ? undefined : raw.bytes;
  const reception = {
    receiptId: newId(),
    sourceId: origin.sourceId,
    source: origin.source,
    receivedAt: now.toISOString(),
    original,
  };
  try {
    demandSize(raw);
    if (reading instanceof DomainError) throw reading;
    const { alert } = reading;
    const format = reading.format ?? formats.detected(alert);
    const digest = sha256(canonicalJson(alert));
    const ownId = raw.place === undefined ? digest : sha256(`${raw.place} ${digest}`);
    const { identity, finding, attack } = format.normalize(alert, { receivedAt: now.getTime(), digest: ownId });
    return {
      kind: 'accepted',
      aside,
      alert: {
        ...reception,
        alertId: deterministicId('alert', origin.tenant, origin.sourceId, ...identity),
        format: format.name,
        digest,
        finding: aside === undefined ? finding : boundedFinding(finding),
        attack: [...attack],
      },
    };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return {
      kind: 'refused',
      aside,
      error,
      alert: {
        ...reception,
        code: error.code,
        field: error.field === undefined || error.field === '' ? null : shortened(error.field, 900),
        reason: shortened(raw.place === undefined ? error.reason : `${error.reason} It lies at ${raw.place}.`, 1900),
      },
    };
  }
}

const sha256 = (content: string | Buffer): string => hash('sha256', content, 'hex');

function demandSize(raw: RawAlert): void {
  if (raw.size <= LARGEST_ALERT) return;
  throw new DomainError('alert_too_large', {
    reason: `The alert has ${raw.size} bytes; at most ${LARGEST_ALERT} (8 MiB) are taken.`,
  });
}

const BYTE_ORDER_MARK = '\ufeff';

function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new DomainError('invalid_character', { reason: 'The alert is not valid UTF-8.' });
  const text = bytes.toString('utf8');
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/** What devices write that know nothing of UTF-8 is ISO 8859-1 (RFC 5424, section 6.4, leaves it to them). */
const legibleText = (bytes: Buffer): string => bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');

function originalOf({ bytes, size }: RawAlert, reading: Reading | DomainError): Original {
  if (size <= LARGEST_INLINE) return { ...inText(bytes), size };
  const isWhole = bytes.length === size && size <= LARGEST_ALERT;
  const summary = isWhole && !(reading instanceof DomainError) ? summaryOf(reading.alert, LARGEST_SUMMARY) : undefined;
  return {
    ...(summary === undefined
      ? inText(bytes.subarray(0, KEPT_OF_TOO_LARGE))
      : { encoding: 'utf-8' as const, body: JSON.stringify(summary) }),
    size,
    truncated: true,
    ...(isWhole && { digest: sha256(bytes) }),
  };
}

function inText(bytes: Buffer): Pick<Original, 'encoding' | 'body'> {
  return isUtf8(bytes) && !bytes.includes(0)
    ? { encoding: 'utf-8', body: bytes.toString('utf8') }
    : { encoding: 'base64', body: bytes.toString('base64') };
}

/** What is required of a finding is short, or is made so; of all else as much as will do. */
function boundedFinding(finding: DetectionFinding): DetectionFinding {
  const summary = summaryOf(finding as unknown as JsonObject, LARGEST_SUMMARY);
  if (isJsonObject(summary)) return summary as DetectionFinding;
  const { activity_id, category_uid, class_uid, type_uid, time, severity_id } = finding;
  return {
    ...{ activity_id, category_uid, class_uid, type_uid, time, severity_id },
    metadata: { version: shortened(finding.metadata.version), product: {} },
    finding_info: {
      uid: shortened(finding.finding_info.uid, 1_000),
      title: shortened(finding.finding_info.title ?? '', 1_000),
    },
  };
}
