import type { SourceEvent } from '#contracts/events/source';
import type { PollConfiguration, SeenAlert } from '#contracts/source-poll';
import { fold } from '#libs/kernel';
import { given } from '#libs/testing';
import { MOST_REMEMBERED } from './poll-cursor';
import { sourceDecider, type SourceCommand } from './source.decider';

const sourceId = '0198c0de-0000-5000-8000-000000000001';
const at = (time: string) => `2026-11-24T${time}.000Z`;
const alert = (name: string, time: string): SeenAlert => ({ fingerprint: name.padEnd(16, '_'), modifiedAt: at(time) });

const registered: SourceEvent = {
  type: 'SourceRegistered',
  data: { sourceId, name: 'edr', format: null, tokenDigest: 'a'.repeat(64) },
};
const poll: PollConfiguration = {
  kind: 'crowdstrike-alerts',
  settings: { clientId: 'abc', clientSecret: 'secret://falcon' },
  allowedHosts: ['api.crowdstrike.com'],
  ...{ intervalSeconds: 60, lookBackSeconds: 900, pageSize: 100, timeoutSeconds: 30 },
};
const configured = (revision = 1, watermark = at('14:00:00'), again = false): SourceEvent => ({
  type: 'PollConfigured',
  data: { sourceId, revision, poll, watermark, again },
});
const advancedTo = (watermark: string, seen: SeenAlert[], revision = 1): SourceEvent => ({
  type: 'PollAdvanced',
  data: { sourceId, revision, watermark: at(watermark), seen },
});
const stopped: SourceEvent = { type: 'PollStopped', data: { sourceId, revision: 1 } };
const disabled: SourceEvent = { type: 'SourceDisabled', data: { sourceId, reason: 'retired' } };

const configure = (changes: Partial<PollConfiguration> = {}, from: string | null = null): SourceCommand => ({
  ...{ type: 'ConfigurePoll', sourceId, poll: { ...poll, ...changes }, now: new Date(at('14:00:00')) },
  from: from === null ? null : new Date(at(from)),
});
const advance = (until: string | null, seen: SeenAlert[] = [], revision = 1): SourceCommand => ({
  ...{ type: 'AdvancePoll', sourceId, revision, seen },
  until: until === null ? null : new Date(at(until)),
});

/** The cursor after these events. */
function cursorAfter(...events: SourceEvent[]) {
  const state = fold(sourceDecider, [registered, ...events]);
  if (state.status === 'unknown' || state.poll === null) throw new Error('it is not polled');
  return state.poll.cursor;
}

describe('the polling of a source', () => {
  it('begins now, or where an administrator says', () => {
    given(sourceDecider, [registered]).when(configure()).then([configured()]);
    given(sourceDecider, [registered])
      .when(configure({}, '02:00:00'))
      .then([configured(1, at('02:00:00'), true)]);
    given(sourceDecider, []).when(configure()).thenThrows('not_found');
    given(sourceDecider, [registered, disabled]).when(configure()).thenThrows('invalid_transition');
  });

  it('goes on where it was when it is changed, and when it was stopped', () => {
    const faster = { ...poll, intervalSeconds: 10 };
    const history = [registered, configured(), advancedTo('14:05:00', [alert('a', '14:04:00')])];
    given(sourceDecider, history)
      .when(configure({ intervalSeconds: 10 }))
      .then([
        {
          type: 'PollConfigured',
          data: { sourceId, revision: 2, poll: faster, watermark: at('14:05:00'), again: false },
        },
      ]);
    given(sourceDecider, [...history, stopped])
      .when(configure())
      .then([configured(2, at('14:05:00'))]);
    expect(cursorAfter(...history.slice(1), stopped, configured(2, at('14:05:00')))).toEqual({
      watermark: at('14:05:00'),
      seen: [alert('a', '14:04:00')],
    });
  });

  it('knows a change that is none, whatever the order of the settings', () => {
    const settings = { clientSecret: 'secret://falcon', clientId: 'abc' };
    given(sourceDecider, [registered, configured()]).when(configure({ settings })).then([]);
  });

  it('forgets what it has taken when it is to take it again', () => {
    const taken = advancedTo('14:05:00', [alert('a', '14:04:00')]);
    const again = configured(2, at('12:00:00'), true);
    expect(cursorAfter(configured(), taken, again)).toEqual({ watermark: at('12:00:00'), seen: [] });
  });

  it('is stopped once', () => {
    const stop: SourceCommand = { type: 'StopPoll', sourceId };
    given(sourceDecider, [registered, configured()]).when(stop).then([stopped]);
    given(sourceDecider, [registered, configured(), stopped]).when(stop).then([]);
    given(sourceDecider, [registered]).when(stop).then([]);
  });
});

describe('the cursor of a poll', () => {
  const [one, two] = [alert('one', '14:01:00'), alert('two', '14:02:00')];

  it('moves with what has become durable', () => {
    given(sourceDecider, [registered, configured()])
      .when(advance('14:03:00', [one, two]))
      .then([advancedTo('14:03:00', [one, two])]);
  });

  it('stands where nobody knows yet up to when everything was taken, and remembers what was', () => {
    given(sourceDecider, [registered, configured()])
      .when(advance(null, [one]))
      .then([advancedTo('14:00:00', [one])]);
  });

  it('is no event for a poll that found nothing new, until an hour has gone by', () => {
    const history = [registered, configured(), advancedTo('14:03:00', [one])];
    given(sourceDecider, history).when(advance('14:04:00')).then([]);
    given(sourceDecider, history)
      .when(advance('14:04:00', [one]))
      .then([]);
    given(sourceDecider, history)
      .when(advance('15:03:00'))
      .then([advancedTo('15:03:00', [])]);
  });

  it('never goes back, and takes what an instance that was held up has taken', () => {
    given(sourceDecider, [registered, configured(), advancedTo('14:10:00', [one])])
      .when(advance('14:03:00', [one, two]))
      .then([advancedTo('14:10:00', [two])]);
  });

  it('does not hear who polled by another configuration, or after the end', () => {
    const again = configured(2, at('12:00:00'), true);
    given(sourceDecider, [registered, configured(), again])
      .when(advance('14:03:00', [one], 1))
      .then([]);
    given(sourceDecider, [registered, configured(), stopped])
      .when(advance('14:03:00', [one]))
      .then([]);
    given(sourceDecider, [registered, configured(), disabled])
      .when(advance('14:03:00', [one]))
      .then([]);
    given(sourceDecider, [registered])
      .when(advance('14:03:00', [one]))
      .then([]);
  });

  it('remembers what lies inside the look-back, also what lies ahead of the watermark', () => {
    const [old, late, ahead] = [alert('old', '14:10:00'), alert('late', '14:40:00'), alert('ahead', '15:30:00')];
    expect(cursorAfter(configured(), advancedTo('14:50:00', [old, late, ahead]))).toEqual({
      watermark: at('14:50:00'),
      seen: [late, ahead],
    });
    expect(cursorAfter(configured(), advancedTo('14:50:00', [late]), advancedTo('15:00:00', [])).seen).toEqual([]);
  });

  it('remembers so many and no more', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => alert(`n${index}`, '14:01:00'));
    const events = Array.from({ length: MOST_REMEMBERED / 1_000 + 1 }, () => advancedTo('14:02:00', many));
    expect(cursorAfter(configured(), ...events).seen).toHaveLength(MOST_REMEMBERED);
  });
});
