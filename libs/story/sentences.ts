import type { Static } from 'typebox';
import type { ActionTarget } from '#contracts/action';
import type { Category } from '#contracts/envelope';
import { actionEvents } from '#contracts/events/action';
import { alertEvents, correlationEvents } from '#contracts/events/alert';
import { approvalEvents } from '#contracts/events/approval';
import { auditEvents } from '#contracts/events/audit';
import { caseEvents } from '#contracts/events/case';
import { checkpointEvents } from '#contracts/events/checkpoint';
import { connectionEvents } from '#contracts/events/connection';
import { datasetEvents } from '#contracts/events/dataset';
import type { EventContract } from '#contracts/events/event';
import { playbookEvents } from '#contracts/events/playbook';
import { policyEvents } from '#contracts/events/policy';
import { runEvents } from '#contracts/events/run';
import { sourceEvents } from '#contracts/events/source';

/** What an event says, without its subject: `who` did it, then this. One for each type of a category's contract. */
type Sentences<Contracts extends Record<string, EventContract>> = {
  readonly [Type in keyof Contracts & string]: (data: Static<Contracts[Type]['schema']>) => string;
};
/** The table as the lookup needs it: the data of a recorded event keeps its type's contract. */
type Sentence = (data: never) => string;

const shortId = (id: string): string => id.slice(0, 8);
const quoted = (text: string, length = 200): string => `“${text.length > length ? `${text.slice(0, length)}…` : text}”`;
const because = (text: string): string => (text.trim() ? `: ${quoted(text.trim(), 500)}` : '');
const on = (target: ActionTarget | null): string => (target ? ` on ${target.value}` : '');
const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
const caseOf = (caseId: string | null): string => (caseId === null ? 'no case' : `case ${shortId(caseId)}`);

const byRule = (decidedBy: { readonly rule: string; readonly rulesVersion: number } | null): string =>
  decidedBy ? ` (rule ${decidedBy.rule} of version ${decidedBy.rulesVersion})` : '';

function outcomeOf(caseId: string | null, suppression: { kind: 'dropped' | 'counted'; reason: string } | null): string {
  if (!suppression) return `which led to ${caseOf(caseId)}`;
  return suppression.kind === 'dropped'
    ? `and dropped it${because(suppression.reason)}`
    : `and only counted it in ${caseOf(caseId)}${because(suppression.reason)}`;
}

const alert: Sentences<typeof alertEvents> = {
  AlertRecorded: ({ outcome, source, finding, caseId, suppression, decidedBy }) =>
    `recorded a new alert from ${source}, ${quoted(finding.finding_info.title ?? finding.finding_info.uid)}, ` +
    (outcome === 'grouped' ? `in the open ${caseOf(caseId)}` : outcomeOf(caseId, suppression)) +
    byRule(decidedBy),
  AlertUpdated: ({ source, caseId }) => `took in new content of the alert from ${source} (${caseOf(caseId)})`,
  AlertDuplicated: ({ source, duplicateOf, decidedBy }) =>
    duplicateOf
      ? `received alert ${shortId(duplicateOf)} from ${source} again${byRule(decidedBy)}`
      : `received the same alert from ${source} again`,
  AlertRejected: ({ source, field, reason }) =>
    `rejected an alert from ${source}: ${field ? `${field} ` : ''}${reason}`,
};

const correlation: Sentences<typeof correlationEvents> = {
  CorrelationOpened: ({ rule, caseId, windowEndsAt }) =>
    `opened ${caseOf(caseId)} by rule ${rule}, until ${windowEndsAt}`,
  CorrelationJoined: ({ rule, caseId, windowEndsAt }) =>
    `added an alert to ${caseOf(caseId)} by rule ${rule}, until ${windowEndsAt}`,
  CorrelationSuppressed: ({ rule, caseId, count, windowEndsAt }) =>
    `only counted ${plural(count, 'alert')} more in ${caseOf(caseId)} by rule ${rule}, until ${windowEndsAt}`,
  NaturalKeyTaken: ({ rule, alertId, endsAt }) =>
    `took the natural key ${rule} for alert ${shortId(alertId)}, until ${endsAt}`,
  EntitySeen: ({ entity, caseId, endsAt }) => `saw the ${entity} in ${caseOf(caseId)}, until ${endsAt}`,
  CorrelationRulesAdopted: ({ version, digest }) =>
    `decides by version ${version} of the correlation rules (${shortId(digest)}) from now on`,
};

const ofCase: Sentences<typeof caseEvents> = {
  CaseOpened: ({ title, severity, source, rule }) =>
    `opened the case ${quoted(title)} (${severity}) for an alert from ${source}, by rule ${rule}`,
  AlertGrouped: ({ alertTitle, alertSeverity, source, rule }) =>
    `added the alert ${quoted(alertTitle)} (${alertSeverity}) from ${source}, by rule ${rule}`,
  CaseAlertUpdated: ({ alertTitle, alertSeverity, source }) =>
    `took in new content of the alert ${quoted(alertTitle)} (${alertSeverity}) from ${source}`,
  CaseStatusChanged: ({ from, to, resolution, comment }) =>
    `changed the status from ${from} to ${to}${resolution ? ` (${resolution})` : ''}${because(comment)}`,
  AlertsSuppressed: ({ count, rule, since, until }) =>
    `only counted ${plural(count, 'alert')} like those above, received from ${since} to ${until}, by rule ${rule}`,
  CaseLinked: ({ to, entity, rule }) => `linked the case to ${caseOf(to)}: the same ${entity}, by rule ${rule}`,
  CaseSeverityChanged: ({ from, to, reason }) => `changed the severity from ${from} to ${to}${because(reason)}`,
  CaseAssigned: ({ to }) => (to === null ? 'took the owner away' : `gave the case to ${to}`),
  CaseNoteAdded: ({ text }) => `noted${because(text)}`,
  CaseEvidenceAdded: ({ kind, name, url, size, digest }) =>
    kind === 'link'
      ? `added the link ${quoted(name)} to ${url ?? ''} as evidence`
      : `added the file ${quoted(name)} as evidence (${size ?? 0} bytes, SHA-256 ${digest ?? ''})`,
  CaseEscalated: ({ to, reason, deadline }) => `escalated to ${to.kind} ${to.id} until ${deadline}${because(reason)}`,
  EscalationAcknowledged: ({ comment }) => `acknowledged the escalation${because(comment)}`,
  EscalationExpired: ({ deadline }) =>
    `found that nobody had acknowledged the escalation ${deadline === undefined ? 'in time' : `by ${deadline}`}`,
};

const playbook: Sentences<typeof playbookEvents> = {
  PlaybookDrafted: ({ name, digest, origin }) =>
    `${origin === 'agent' ? 'drafted' : 'imported'} the playbook ${quoted(name)}, version ${shortId(digest)}, inactive`,
  PlaybookActivated: ({ digest }) => `activated version ${shortId(digest)} of the playbook`,
  PlaybookActivationRefused: ({ digest, outcome }) => `left version ${shortId(digest)} inactive: activation ${outcome}`,
  PlaybookRetired: ({ digest, reason }) => `retired version ${shortId(digest)} of the playbook${because(reason)}`,
};

const run: Sentences<typeof runEvents> = {
  RunStarted: ({ playbookName, trigger }) => `started the playbook ${quoted(playbookName)} (${trigger.kind})`,
  StepStarted: ({ kind, name }) => `began the ${kind} step ${quoted(name || kind)}`,
  ActionRequested: ({ request }) =>
    `asked for ${request.connector} ${request.action}${on(request.target)} in the step ${quoted(request.title)}`,
  ActionDispatched: ({ request, warrant }) =>
    `let ${request.connector} ${request.action}${on(request.target)} go ahead, ${warrant === null ? 'as a read' : 'with a warrant'}`,
  ActionWithdrawn: ({ reason }) => `withdrew the action${because(reason)}`,
  StepCompleted: ({ stepId }) => `completed the step ${stepId}`,
  StepFailed: ({ stepId, reason }) => `failed in the step ${stepId}${because(reason)}`,
  RunCompleted: () => 'completed the playbook',
  RunFailed: ({ reason }) => `failed in the playbook${because(reason)}`,
};

const approval: Sentences<typeof approvalEvents> = {
  ActionAllowed: ({ request, policyVersion }) =>
    `allowed ${request.connector} ${request.action}${on(request.target)} by policy ${policyVersion}, without asking anybody`,
  ActionRejected: ({ reason }) => `rejected the action${because(reason)}`,
  ApprovalOpened: ({ wording, requiredGrants, requiredRoles, deadline }) =>
    `asked ${plural(requiredGrants, 'human')} with role ${requiredRoles.join(' or ')} until ${deadline}: ${quoted(wording, 500)}`,
  GrantRecorded: ({ approver, comment }) => `recorded the grant of ${approver}; more are needed${because(comment)}`,
  ApprovalGranted: ({ approvers, comment }) => `granted it (approved by ${approvers.join(', ')})${because(comment)}`,
  ApprovalDenied: ({ comment }) => `denied it${because(comment)}`,
  ApprovalExpired: ({ deadline }) =>
    `let the approval expire: nobody decided ${deadline === undefined ? 'in time' : `by ${deadline}`}`,
  RevocationRequested: ({ reason }) => `asked to revoke the warrant${because(reason)}`,
};

const policy: Sentences<typeof policyEvents> = {
  SigningKeyPublished: ({ keyId, purpose }) => `published the ${purpose} key ${keyId}`,
  PolicyAdopted: ({ version }) => `decides by policy ${version} from now on`,
};

const action: Sentences<typeof actionEvents> = {
  ActionStarted: ({ action: name, connectionId, approvers }) =>
    `began ${name} by connection ${connectionId}${approvers.length > 0 ? `, approved by ${approvers.join(', ')}` : ''}`,
  ActionSucceeded: ({ action: name, attempts }) => `succeeded with ${name} after ${plural(attempts, 'attempt')}`,
  ActionFailed: ({ action: name, attempts, reason }) =>
    `failed with ${name} after ${plural(attempts, 'attempt')}${because(reason)}`,
  ActionOutcomeUnknown: ({ action: name, reason }) =>
    `does not know whether ${name} had its effect, and does not repeat it${because(reason)}`,
  ActionRefused: ({ action: name, reason }) => `refused ${name}${because(reason)}`,
};

const connection: Sentences<typeof connectionEvents> = {
  ManifestPublished: ({ connector, version, manifest }) =>
    `published the manifest of ${connector}, version ${shortId(version)}, with ${plural(manifest.actions.length, 'action')}`,
  ConnectionRegistered: ({ name, connector, version, allowedHosts }) =>
    `registered the ${connector} connection ${quoted(name)}, version ${version}, for ${allowedHosts.join(', ')}`,
  ConnectionRemoved: ({ connectionId }) => `removed the connection ${connectionId}`,
};

const source: Sentences<typeof sourceEvents> = {
  SourceRegistered: ({ name, format }) =>
    `registered the alert source ${quoted(name)} (${format ?? 'format detected'})`,
  SourceTokenRotated: ({ previousValidUntil }) =>
    `rotated the source's token; the earlier one ends ${previousValidUntil}`,
  SourceConfigured: () => 'changed the settings of the source',
  PollConfigured: ({ poll, watermark }) =>
    `set the source to be polled (${poll.kind}, every ${poll.intervalSeconds} s), from ${watermark} on`,
  PollAdvanced: ({ watermark, seen }) => `took ${plural(seen.length, 'polled alert')}, complete up to ${watermark}`,
  PollStopped: () => 'stopped the polling of the source',
  SourceDisabled: ({ reason }) => `disabled the source${because(reason)}`,
};

const dataset: Sentences<typeof datasetEvents> = {
  DatasetLoaded: ({ name, kind, entries }) => `loaded the ${kind} ${quoted(name)} with ${entries} entries`,
  DatasetRefused: ({ name, reason }) => `refused the data set ${quoted(name)}${because(reason)}`,
  DatasetRemoved: ({ name }) => `removed the data set ${quoted(name)}`,
};

const checkpoint: Sentences<typeof checkpointEvents> = {
  SigningKeyPublished: ({ keyId, purpose }) => `published the ${purpose} key ${keyId}`,
  CheckpointSigned: ({ sequence, size, root }) =>
    `signed checkpoint ${sequence} over ${plural(size, 'event')}, root ${shortId(root)}`,
};

const audit: Sentences<typeof auditEvents> = {
  CheckpointWitnessed: ({ ledger, checkpoint }) =>
    `witnessed checkpoint ${checkpoint.sequence} of the ledger ${ledger}`,
  CheckpointContradicted: ({ ledger, checkpoint, reason }) =>
    `refused checkpoint ${checkpoint.sequence} of the ledger ${ledger}: ${reason}`,
  HistoryArchived: ({ category, events, file }) =>
    `archived ${plural(events, 'event')} of ${category} to ${file}, and dropped them from the database`,
  PersonalDataErased: ({ records, persons, reason }) =>
    `erased the personal data of ${plural(records.length, 'record')} and ${plural(persons, 'person')}${because(reason)}`,
  LedgerRead: ({ what, query }) => `read ${READINGS[what]}${because(JSON.stringify(query))}`,
};
const READINGS = {
  export: 'an export of the ledger',
  events: 'events of the ledger',
  stream: 'the events of a stream',
  replay: 'a stream as a story',
  proof: 'the proof of an event',
  search: 'what mentions a text',
};

export const SENTENCES: Readonly<Record<Category, Readonly<Record<string, Sentence>>>> = {
  alert,
  correlation,
  case: ofCase,
  playbook,
  run,
  approval,
  policy,
  directory: {},
  action,
  connection,
  source,
  dataset,
  audit,
  checkpoint,
};
