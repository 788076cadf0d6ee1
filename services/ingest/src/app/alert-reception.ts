import { createHash } from 'node:crypto';
import type { AlertReceived, AlertRefused, Original } from '#contracts/alert';
import { canonicalJson } from '#libs/event-store';
import { deterministicId, DomainError, isStorableText, newId } from '#libs/kernel';
import { parseAlert } from '../domain/alert-json';
import { shortened } from '../domain/formats/alert-fields';
import type { FormatRegistry } from '../domain/formats/format-registry';

/** An alert may be this long; a larger one is refused by name. Bytes. */
export const LARGEST_ALERT = 256 * 1024;
/** Of an alert that is refused for its size, so much of the beginning is kept. Bytes. */
export const KEPT_OF_TOO_LARGE = 16 * 1024;

/** The bytes of one alert. `size` is that of the whole, of which `bytes` may be only the beginning. */
export interface RawAlert {
  readonly bytes: Buffer;
  readonly size: number;
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
}

export type Received =
  | { readonly kind: 'accepted'; readonly alert: AlertReceived }
  | { readonly kind: 'refused'; readonly alert: AlertRefused; readonly error: DomainError };

/** One reception: a finding, or a refusal that keeps what was sent. Nothing that a sender writes makes it throw. */
export function receiveAlert(raw: RawAlert, origin: AlertOrigin, formats: FormatRegistry, now: Date): Received {
  const original = originalOf(raw);
  const reception = {
    receiptId: newId(),
    sourceId: origin.sourceId,
    source: origin.source,
    receivedAt: now.toISOString(),
    original,
  };
  try {
    demandSize(raw);
    const alert = parseAlert(textOf(raw.bytes));
    const format =
      origin.askedFormat !== undefined
        ? formats.named(origin.askedFormat, 'format')
        : origin.sourceFormat !== undefined
          ? formats.named(origin.sourceFormat, 'source.format')
          : formats.detected(alert);
    const digest = createHash('sha256').update(canonicalJson(alert)).digest('hex');
    const { identity, finding, attack } = format.normalize(alert, { receivedAt: now.getTime(), digest });
    return {
      kind: 'accepted',
      alert: {
        ...reception,
        alertId: deterministicId('alert', origin.tenant, origin.sourceId, ...identity),
        format: format.name,
        digest,
        finding,
        attack: [...attack],
      },
    };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return {
      kind: 'refused',
      error,
      alert: {
        ...reception,
        code: error.code,
        field: error.field === undefined || error.field === '' ? null : shortened(error.field, 900),
        reason: shortened(error.reason, 1900),
      },
    };
  }
}

function demandSize(raw: RawAlert): void {
  if (raw.size <= LARGEST_ALERT) return;
  throw new DomainError('alert_too_large', {
    reason: `The alert has ${raw.size} bytes; at most ${LARGEST_ALERT} (256 KiB) are taken.`,
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new DomainError('invalid_character', { reason: 'The alert is not valid UTF-8.', cause: error });
  }
}

function originalOf({ bytes, size }: RawAlert): Original {
  const kept = size > LARGEST_ALERT ? bytes.subarray(0, KEPT_OF_TOO_LARGE) : bytes;
  const text = kept.toString('utf8');
  const isText = isStorableText(text) && Buffer.from(text, 'utf8').equals(kept);
  return {
    encoding: isText ? 'utf-8' : 'base64',
    body: isText ? text : kept.toString('base64'),
    size,
    ...(kept.length < size && { truncated: true }),
  };
}
