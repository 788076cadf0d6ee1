import { AlertEnriched, AlertRefused } from '#contracts/alert';
import { type BusMessage, consumerGroup, dead, type DeathNotice, done, type Outcome } from '#libs/bus';
import { DomainError, isJsonObject, isUuid } from '#libs/kernel';
import { demandValid } from '#libs/service';

/** A receipt that is to get its outcome. */
export type Intake =
  | { readonly kind: 'enriched'; readonly message: BusMessage; readonly alert: AlertEnriched }
  | {
      readonly kind: 'refused';
      readonly message: BusMessage;
      readonly alert: AlertRefused;
      readonly stage: Stage;
      /** Of an alert that was good enough to have one: the receipt may have had its outcome there already. */
      readonly alertId?: string;
    };

type Stage = 'ingest' | 'enrichment' | 'case';
type Refusal = Omit<DeathNotice, 'group'>;

/** What a message of `countersign.alerts.enriched` asks for, or why it asks for nothing that can be answered. */
export function readIntake(message: BusMessage): Intake | Outcome {
  try {
    return parse(message);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const refusal = refusalOf(message, error);
    return refusal ?? dead(error.code, error.reason, error.field);
  }
}

/**
 * What a message of `<topic>.dead` asks for: the rejection of the receipt that it names, when the service died of it
 * that would have given it its outcome. A message that names none stays a dead letter, and nothing more.
 */
export function readDeath(message: BusMessage, service: 'enrichment' | 'case'): Intake | Outcome {
  const { death } = message;
  if (death?.group !== consumerGroup(service)) return done;
  return refusalOf(message, death, service) ?? done;
}

function parse(message: BusMessage): Intake {
  switch (message.type) {
    case 'AlertEnriched': {
      const data: unknown = message.data;
      demandValid(AlertEnriched, data, 'data');
      // demandValid has checked it against the contract.
      return { kind: 'enriched', message, alert: data as AlertEnriched };
    }
    case 'AlertRefused': {
      const data: unknown = message.data;
      demandValid(AlertRefused, data, 'data');
      return { kind: 'refused', message, alert: data as AlertRefused, stage: 'ingest' };
    }
    default:
      throw new DomainError('unknown_event_type', {
        field: 'type',
        reason: `${message.type} is not AlertEnriched or AlertRefused`,
      });
  }
}

/** The rejection of a receipt, for a message that is good enough to say which receipt it is. */
export function refusalOf(
  message: BusMessage,
  { code, field, reason }: Refusal,
  stage: Stage = 'case',
): Intake | undefined {
  const { receiptId, alertId, sourceId, source, receivedAt, original } = message.data;
  const alert: unknown = {
    receiptId,
    sourceId,
    source,
    receivedAt,
    original: isJsonObject(original) ? original : { encoding: 'utf-8', body: '', size: 0, truncated: true },
    code,
    field: field?.slice(0, 1000) ?? null,
    reason: reason.slice(0, 2000),
  };
  try {
    demandValid(AlertRefused, alert, 'data');
  } catch {
    return undefined;
  }
  return {
    kind: 'refused',
    message,
    alert: alert as AlertRefused,
    stage,
    ...(isUuid(alertId) && { alertId }),
  };
}
