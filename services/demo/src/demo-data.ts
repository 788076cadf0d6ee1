import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';

/** What is bundled with the demo. */
export const DEMO_DATA = {
  alerts: join(repositoryRoot, 'services', 'demo', 'data', 'alerts.ndjson'),
  indicators: join(repositoryRoot, 'services', 'demo', 'data', 'intel.json'),
  playbooks: join(repositoryRoot, 'services', 'playbook-orchestrator', 'playbooks'),
} as const;
