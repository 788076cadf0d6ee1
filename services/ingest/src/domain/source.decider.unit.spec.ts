import type { SourceEvent } from '#contracts/events/source';
import { DEFAULT_SOURCE_SETTINGS } from '#contracts/source-settings';
import { given } from '#libs/testing';
import { sourceDecider, type SourceCommand } from './source.decider';

const sourceId = '0198c0de-0000-5000-8000-000000000001';
const registered: SourceEvent = {
  type: 'SourceRegistered',
  data: { sourceId, name: 'siem', format: null, tokenDigest: 'a'.repeat(64) },
};
const disabled: SourceEvent = { type: 'SourceDisabled', data: { sourceId, reason: 'retired' } };
const register: SourceCommand = { type: 'RegisterSource', ...registered.data };
const rotate: SourceCommand = {
  type: 'RotateSourceToken',
  sourceId,
  tokenDigest: 'b'.repeat(64),
  now: new Date('2026-11-24T14:00:00Z'),
  overlapSeconds: 90,
};
const disable: SourceCommand = { type: 'DisableSource', sourceId, reason: 'retired' };

describe('a source', () => {
  it('is registered once', () => {
    given(sourceDecider, []).when(register).then([registered]);
    given(sourceDecider, [registered]).when(register).thenThrows('invalid_transition', 'name');
    given(sourceDecider, [registered, disabled]).when(register).thenThrows('invalid_transition', 'name');
  });

  it('gets a new token, and says how long the earlier one is taken', () => {
    given(sourceDecider, [registered])
      .when(rotate)
      .then([
        {
          type: 'SourceTokenRotated',
          data: { sourceId, tokenDigest: 'b'.repeat(64), previousValidUntil: '2026-11-24T14:01:30.000Z' },
        },
      ]);
    given(sourceDecider, []).when(rotate).thenThrows('not_found');
    given(sourceDecider, [registered, disabled]).when(rotate).thenThrows('invalid_transition');
  });

  it('is disabled once, for good', () => {
    given(sourceDecider, [registered]).when(disable).then([disabled]);
    given(sourceDecider, [registered, disabled]).when(disable).then([]);
    given(sourceDecider, []).when(disable).thenThrows('not_found');
  });

  it('keeps the settings that a change does not name, and knows a change that is none', () => {
    const limited = { ...DEFAULT_SOURCE_SETTINGS, alertsPerSecond: 50 };
    const configured: SourceEvent = { type: 'SourceConfigured', data: { sourceId, settings: limited } };
    const limit: SourceCommand = { type: 'ConfigureSource', sourceId, changes: { alertsPerSecond: 50 } };
    const acknowledge: SourceCommand = { type: 'ConfigureSource', sourceId, changes: { hecAcknowledgement: 'off' } };
    given(sourceDecider, [registered]).when(limit).then([configured]);
    given(sourceDecider, [registered, configured]).when(limit).then([]);
    given(sourceDecider, [registered, configured])
      .when(acknowledge)
      .then([{ type: 'SourceConfigured', data: { sourceId, settings: { ...limited, hecAcknowledgement: 'off' } } }]);
    given(sourceDecider, []).when(limit).thenThrows('not_found');
    given(sourceDecider, [registered, disabled]).when(limit).thenThrows('invalid_transition');
  });
});
