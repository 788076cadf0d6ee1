import type { ForeignRecord } from '#libs/bus';
import { DomainError } from '#libs/kernel';
import type { RawAlert } from './alert-reception';
import { alertsIn } from './raw-alerts';

/** Lines that the value of one record may hold. */
const MOST_LINES = 10_000;

/**
 * The alerts in a record of somebody's topic: its value is one, a list, or lines. What cannot be read is one alert that is
 * refused. Each has its place, by which an alert without an id of its own is known when the record is delivered again.
 */
export async function alertsOfRecord(cluster: string, record: ForeignRecord): Promise<readonly RawAlert[]> {
  const { topic, partition, offset, value } = record;
  const place = `kafka://${cluster}/${topic}/${partition}/${offset}`;
  const refusal = unreadable(value);
  const whole: RawAlert = { bytes: value ?? Buffer.alloc(0), size: value?.length ?? 0, place };
  if (value === null || refusal !== undefined) return [{ ...whole, refusal }];
  const body = alertsIn(value);
  if (body === undefined || body.kind === 'single') return [whole];
  const alerts: RawAlert[] = [];
  for await (const alert of body.alerts) {
    if (alerts.push({ ...alert, place: `${place}/${alerts.length}` }) > MOST_LINES)
      return [{ ...whole, refusal: tooMany() }];
  }
  return alerts;
}

/** What is told by its first bytes, where the reason would otherwise be that it is no text. */
function unreadable(value: Buffer | null): DomainError | undefined {
  if (value === null) return refused('invalid_json', 'The record has no value: it is a tombstone.');
  if (value[0] === 0x1f && value[1] === 0x8b) {
    return refused(
      'unsupported_media_type',
      "The value is gzip: let the producer send it as it is, and compress by Kafka's own compression.type.",
    );
  }
  if (value[0] === 0 && value.length > 5) {
    return refused('unsupported_media_type', 'The value is no JSON, but what a schema registry knows by a number.');
  }
  return undefined;
}

const tooMany = (): DomainError => refused('invalid_field', `The value holds more than ${MOST_LINES} alerts.`);

const refused = (code: 'invalid_json' | 'invalid_field' | 'unsupported_media_type', reason: string): DomainError =>
  new DomainError(code, { field: 'value', reason });
