import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020';
import { Actor, EventMeta, type Category } from '#contracts/envelope';
import { eventContract } from '#contracts/events/index';
import { upcast } from '#contracts/versioned-contract';
import { ChainVerifier, foldRecorded, type RecordedEvent } from '#libs/event-store';
import { KeyRing, PersonalData } from '#libs/personal-data';
import { tell } from '#libs/story';
import { recordOf } from '../../services/approval/src/read/approval-record';
import { approvalDecider } from '../../services/approval/src/domain/approval.decider';
import { policyDecider } from '../../services/approval/src/domain/policy.decider';
import { signingKeysDecider } from '../../services/approval/src/domain/signing-keys.decider';
import { alertDecider } from '../../services/case/src/domain/alert.decider';
import { caseDecider } from '../../services/case/src/domain/case.decider';
import { correlationDecider } from '../../services/case/src/domain/correlation.decider';
import { alertView } from '../../services/case/src/read/alert-view';
import { caseView } from '../../services/case/src/read/case-view';
import { actionDecider } from '../../services/connector/src/domain/action.decider';
import { connectionDecider } from '../../services/connector/src/domain/connection.decider';
import { datasetDecider } from '../../services/enrichment/src/domain/dataset.decider';
import { sourceDecider } from '../../services/ingest/src/domain/source.decider';
import { playbookDecider } from '../../services/playbook-orchestrator/src/domain/playbook.decider';
import { runDecider } from '../../services/playbook-orchestrator/src/domain/run.decider';
import { GOLDEN_VERSIONS, goldenStreams, releasedTypes, typeNameOf } from './golden-streams';

type History = readonly RecordedEvent[];

/** The state that whoever decides on a stream has of it. Checkpoints are read as they are stored. */
const STATES: Partial<Record<Category, (history: History, stream: string) => unknown>> = {
  action: (history) => foldRecorded(actionDecider, history),
  alert: (history) => foldRecorded(alertDecider, history),
  approval: (history) => foldRecorded(approvalDecider, history),
  case: (history) => foldRecorded(caseDecider, history),
  checkpoint: (history) => history.at(-1)?.data,
  connection: (history) => foldRecorded(connectionDecider, history),
  correlation: (history) => foldRecorded(correlationDecider, history),
  dataset: (history) => foldRecorded(datasetDecider, history),
  playbook: (history) => foldRecorded(playbookDecider, history),
  policy: (history, stream) =>
    stream === 'policy-keys' ? foldRecorded(signingKeysDecider, history) : foldRecorded(policyDecider, history),
  run: (history) => foldRecorded(runDecider, history),
  source: (history) => foldRecorded(sourceDecider, history),
};

/** What people are shown of a stream without a read model. */
const VIEWS: Partial<Record<Category, (history: History) => unknown>> = {
  alert: alertView,
  approval: recordOf,
  case: caseView,
};

const ajv = addFormats(new Ajv2020({ strict: false }));
const current = (event: RecordedEvent) => upcast(eventContract(event.category, event.type), event);

function faultsOf({ category, type, actor, meta, data }: RecordedEvent): string[] {
  const contract = eventContract(category, type);
  const parts = [
    [Actor, actor],
    [EventMeta, meta],
    [contract?.schema ?? false, data],
  ] as const;
  return parts.flatMap(([schema, value]) => (ajv.validate(schema, value) ? [] : ajv.errorsText()));
}

it('keeps in golden streams every event type of every release, in each of its versions', () => {
  const golden = GOLDEN_VERSIONS.map((version) =>
    goldenStreams(version).flatMap(({ events }) => events.map(typeNameOf)),
  );
  for (const [index, version] of GOLDEN_VERSIONS.entries()) {
    const covered = new Set(golden.slice(0, index + 1).flat());
    const types = releasedTypes(version).filter((name) => name.startsWith('events/'));
    expect(types.filter((name) => !covered.has(name))).toEqual([]);
  }
});

describe.each(GOLDEN_VERSIONS)('the streams of %s', (version) => {
  const streams = goldenStreams(version);

  it('have the hashes that they were written with', () => {
    const chains = new ChainVerifier();
    for (const event of streams.flatMap(({ events }) => events)) chains.add(event);
    expect(chains.report()).toMatchObject({ streams: streams.length, faultCount: 0 });
  });

  it('hold nothing that the contracts of now refuse', () => {
    const refused = streams
      .flatMap(({ events }) => events.map(current))
      .map((event) => ({ event: `${event.stream} ${event.version} ${event.type}`, faults: faultsOf(event) }))
      .filter(({ faults }) => faults.length > 0);
    expect(refused).toEqual([]);
  });

  it('are told as stories, sentence by sentence', () => {
    const untold = streams.flatMap(({ events }) =>
      events.filter((event) => tell(event).endsWith(`recorded ${event.type}.`)),
    );
    expect(untold).toEqual([]);
  });

  it.each(streams)('$name comes to the state that it came to', ({ name, events }) => {
    const history = events.map(current);
    const category = history[0]?.category ?? 'directory';
    const state = STATES[category]?.(history, name);
    expect(state).toBeDefined();
    expect(state).toMatchSnapshot();
    const view = VIEWS[category];
    if (view) expect(view(history)).toMatchSnapshot('what people are shown');
  });

  it.each(streams)(
    '$name is the same once it was sealed, and can be decided on and shown once it was erased',
    ({ name, events }) => {
      let ring = KeyRing.create();
      const personal = new PersonalData(() => ring);
      const stored = events.map((event) => personal.sealEvent(event));
      expect(stored.map((event) => personal.openEvent(event))).toEqual(events);

      const keys = [...JSON.stringify(stored).matchAll(/"1\.[\w-]{8}\.([0-9a-f]{14})\./g)].flatMap(
        ([, key]) => key ?? [],
      );
      ring = ring.without([...new Set(keys)], null);
      const history = stored.map((event) => current(personal.openEvent(event)));
      const category = history[0]?.category ?? 'directory';
      expect(STATES[category]?.(history, name)).toBeDefined();
      expect(VIEWS[category]?.(history)).not.toBeNull();
      expect(history.map(tell).filter((sentence) => sentence.includes('undefined'))).toEqual([]);
    },
  );
});
