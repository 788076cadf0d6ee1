import { Controller, Get } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { AlertEvent } from '#contracts/events/alert';
import type { IngestAccount } from '#contracts/http/ingest';
import type { Principal } from '#contracts/identity';
import { BUS, done, type BusMessage, type Outcome } from '#libs/bus';
import { CurrentPrincipal } from '#libs/service';
import { Account, type Receipt } from '../read/account';
import { ReceiptBook } from './receipt-book';

/** The account of receptions: what is received is entered before it is acknowledged; what became of it comes from the ledger. */
@Controller()
export class AccountController {
  constructor(
    private readonly account: Account,
    private readonly receipts: ReceiptBook,
  ) {}

  @Get('/v1/ingest/account')
  read(@CurrentPrincipal() principal: Principal): Promise<IngestAccount> {
    return this.account.read(principal.tenant);
  }

  @EventPattern('countersign.alert', BUS, { batch: 500, sealed: true })
  async onOutcomes(messages: BusMessage[]): Promise<Outcome[]> {
    await this.receipts.enter(messages.map(decidedBy));
    return messages.map(() => done);
  }
}

function decidedBy({ tenant, type, data }: BusMessage): Receipt {
  const event = { type, data } as unknown as AlertEvent;
  const { receiptId, sourceId, source, receivedAt } = event.data;
  return { receiptId, tenant, sourceId, source, receivedAt, outcome: outcomeOf(event) };
}

function outcomeOf(event: AlertEvent): Receipt['outcome'] {
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
