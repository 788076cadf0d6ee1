import { Controller, Get, Query } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Dataset, DatasetLookup } from '#contracts/http/enrichment';
import type { Principal } from '#contracts/identity';
import { withTenant } from '#libs/read-model';
import { CurrentPrincipal } from '#libs/service';
import { asHostname, indicatorOf, type Indicator } from '../domain/indicator';
import { judge } from '../domain/local-list';
import { refang } from '../domain/refang';
import { DatasetRow } from '../read/dataset.entity';
import { LocalLists } from './local-lists';

@Controller()
export class DatasetsController {
  constructor(
    private readonly database: DataSource,
    private readonly lists: LocalLists,
  ) {}

  @Get('/v1/datasets')
  async list(@CurrentPrincipal() principal: Principal): Promise<{ items: Dataset[] }> {
    const rows = await withTenant(this.database, principal.tenant, (tx) =>
      tx.find(DatasetRow, { order: { name: 'asc' } }),
    );
    return { items: rows.map(({ tenant: _, changedAt, ...row }) => ({ ...row, changedAt: changedAt.toISOString() })) };
  }

  @Get('/v1/datasets/lookup')
  lookup(@Query('value') given: string): DatasetLookup {
    const indicator = indicatorFor(refang(given.trim()));
    const { verdict, score, matches } = judge(indicator, this.lists.current());
    return { ...indicator, verdict, score, matches: [...matches] };
  }
}

/** A word without a dot may be a machine or an account: exact entries match either. */
function indicatorFor(value: string): Indicator {
  return indicatorOf(value) ?? asHostname(value) ?? { type: 'username', value };
}
