import { createHash } from 'node:crypto';
import type { ActionRequest } from '#contracts/action';
import { canonicalJson } from '#libs/event-store';
import type { JsonObject, JsonValue } from '#libs/kernel';

/**
 * What a warrant binds to: SHA-256 in lower-case hexadecimal over the RFC 8785 canonical form of the tenant and of every
 * field of the request but `title` and `reason`, which are the playbook's words and are never executed.
 *
 * The approval service, the orchestrator and the connector each compute it from the raw request (invariant 4). Fields are
 * listed one by one: a field that is added to the contract changes no digest until it is added here.
 */
export function actionDigest(tenant: string, request: ActionRequest): string {
  const bound: JsonObject = {
    tenant,
    actionId: request.actionId,
    runId: request.runId,
    caseId: request.caseId,
    stepId: request.stepId,
    playbookId: request.playbookId,
    playbookDigest: request.playbookDigest,
    connectionId: request.connectionId,
    connectionVersion: request.connectionVersion,
    connector: request.connector,
    manifestVersion: request.manifestVersion,
    action: request.action,
    target: request.target === null ? null : { type: request.target.type, value: request.target.value },
    // The contract says "any JSON object"; canonicalJson refuses what JSON cannot say.
    parameters: request.parameters as JsonValue,
    timeoutMs: request.timeoutMs,
  };
  return createHash('sha256').update(canonicalJson(bound), 'utf8').digest('hex');
}
