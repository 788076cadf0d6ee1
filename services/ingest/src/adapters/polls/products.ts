import { crowdstrikeAlerts } from './crowdstrike';
import { guarddutyFindings } from './guardduty';
import { defenderAlerts, defenderIncidents, sentinelIncidents } from './microsoft';
import type { ProductsByKind } from './poll-api';

/** Every API that alerts can be polled from. */
export const POLLED_PRODUCTS: ProductsByKind = {
  'microsoft-sentinel-incidents': sentinelIncidents,
  'microsoft-defender-incidents': defenderIncidents,
  'microsoft-defender-alerts': defenderAlerts,
  'crowdstrike-alerts': crowdstrikeAlerts,
  'aws-guardduty-findings': guarddutyFindings,
};
