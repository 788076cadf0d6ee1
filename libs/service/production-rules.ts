import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import type { CommonVariables } from './config';

/** Hosts that only this machine can reach, and so never an outside system of a real installation. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIPv4(name)) return name.startsWith('127.') || name === '0.0.0.0';
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || name === '::';
}

/** What the production profile refuses of the variables that all services share. */
export function productionProblems(variables: CommonVariables): { field: string; reason: string }[] {
  const problems: { field: string; reason: string }[] = [];
  const refuse = (field: string, reason: string) => problems.push({ field, reason });

  if (variables.OIDC_ISSUER === undefined) {
    refuse('OIDC_ISSUER', 'is required in the production profile: the local issuer is for demo and development only');
  } else {
    const issuer = new URL(variables.OIDC_ISSUER);
    if (isLoopback(issuer.hostname)) {
      refuse('OIDC_ISSUER', 'is on loopback: the production profile refuses the local issuer');
    } else if (issuer.protocol !== 'https:') {
      refuse('OIDC_ISSUER', 'must be https in the production profile');
    }
  }
  if (variables.OIDC_CLIENTS === undefined) {
    refuse('OIDC_CLIENTS', 'is required in the production profile: it says which client is human, agent or service');
  }
  if (variables.COUNTERSIGN_ROOT_PUBLIC_KEY_FILE === undefined) {
    refuse('COUNTERSIGN_ROOT_PUBLIC_KEY_FILE', 'is required in the production profile: it pins the root of trust');
  }
  const dataFolder = resolve(variables.COUNTERSIGN_DATA);
  for (const field of ['COUNTERSIGN_KEYS_DIR', 'COUNTERSIGN_ROOT_PUBLIC_KEY_FILE'] as const) {
    const path = variables[field];
    if (path !== undefined && `${resolve(path)}/`.startsWith(`${dataFolder}/`)) {
      refuse(field, `lies in ${variables.COUNTERSIGN_DATA}, where the keys that migrate makes for a demo lie`);
    }
  }
  if (variables.COUNTERSIGN_BUS === 'kafka' && !variables.KAFKA_SSL) {
    refuse('KAFKA_SSL', 'must be true in the production profile: it refuses a plaintext broker');
  }
  return problems;
}
