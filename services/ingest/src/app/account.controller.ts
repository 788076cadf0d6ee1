import { Controller, Get } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { AlertEvent } from '#contracts/events/alert';
import type { AlertReceived, AlertRefused } from '#contracts/alert';
import type { IngestAccount } from '#contracts/http/ingest';
import type { Principal } from '#contracts/identity';
import {
  ALERTS_TOPIC,
  BULK_ALERTS_TOPIC,
  BUS,
  done,
  URGENT_ALERTS_TOPIC,
  type BusMessage,
  type Outcome,
} from '#libs/bus';
import { CurrentPrincipal, toDomainError } from '#libs/service';
import { Account, type ReceiptDecided, type ReceiptSeen } from '../read/account';

/** The account of receptions: fed by what this service publishes, and by what becomes of it in the ledger. */
@Controller()
export class AccountController {
  constructor(private readonly account: Account) {}

  @Get('/v1/ingest/account')
  read(@CurrentPrincipal() principal: Principal): Promise<IngestAccount> {
    return this.account.read(principal.tenant);
  }

  @EventPattern(URGENT_ALERTS_TOPIC, BUS, { batch: 500, sealed: true })
  onUrgentReceptions(messages: BusMessage[]): Promise<Outcome[]> {
    return this.seen(messages);
  }

  @EventPattern(ALERTS_TOPIC, BUS, { batch: 500, sealed: true })
  onReceptions(messages: BusMessage[]): Promise<Outcome[]> {
    return this.seen(messages);
  }

  @EventPattern(BULK_ALERTS_TOPIC, BUS, { batch: 500, sealed: true })
  onBulkReceptions(messages: BusMessage[]): Promise<Outcome[]> {
    return this.seen(messages);
  }

  @EventPattern('countersign.alert', BUS, { batch: 500, sealed: true })
  async onOutcomes(messages: BusMessage[]): Promise<Outcome[]> {
    return recorded(messages, () => this.account.addDecided(messages.map(decidedBy)));
  }

  private seen(messages: readonly BusMessage[]): Promise<Outcome[]> {
    return recorded(messages, () => this.account.addSeen(messages.map(seenIn)));
  }
}

/** A database that is away puts the batch off; that it was the database must be told by the error's code. */
async function recorded(messages: readonly BusMessage[], record: () => Promise<void>): Promise<Outcome[]> {
  try {
    await record();
  } catch (error) {
    throw toDomainError(error);
  }
  return messages.map(() => done);
}

function seenIn({ tenant, data }: BusMessage): ReceiptSeen {
  // The bus has checked the message by its contract.
  const { receiptId, sourceId, source, receivedAt } = data as unknown as AlertReceived | AlertRefused;
  return { receiptId, tenant, sourceId, source, receivedAt };
}

function decidedBy({ tenant, type, data }: BusMessage): ReceiptDecided {
  const event = { type, data } as unknown as AlertEvent;
  const { receiptId, sourceId, source, receivedAt } = event.data;
  return { receiptId, tenant, sourceId, source, receivedAt, outcome: outcomeOf(event) };
}

function outcomeOf(event: AlertEvent): ReceiptDecided['outcome'] {
  switch (event.type) {
    case 'AlertRecorded':
      return event.data.outcome;
    case 'AlertUpdated':
      return 'updated';
    case 'AlertDuplicated':
      return 'duplicate';
    case 'AlertRejected':
      return 'rejected';
  }
}
