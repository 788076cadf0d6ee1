import type { DatasetEvent } from '#contracts/events/dataset';
import { given } from '#libs/testing';
import { datasetDecider, type DatasetCommand } from './dataset.decider';

const file = { datasetId: '0198c0de-0000-5000-8000-000000000002', name: 'known-bad.csv' };
const version = (digit: string) => ({ ...file, kind: 'verdicts' as const, digest: digit.repeat(64), entries: 3 });
const loaded = (digit: string): DatasetEvent => ({ type: 'DatasetLoaded', data: version(digit) });
const load = (digit: string): DatasetCommand => ({ type: 'LoadDataset', ...version(digit) });
const refuse: DatasetCommand = { type: 'RefuseDataset', ...file, reason: 'line 2: verdict' };
const refused: DatasetEvent = { type: 'DatasetRefused', data: { ...file, reason: 'line 2: verdict' } };
const removed: DatasetEvent = { type: 'DatasetRemoved', data: file };

describe('a data set', () => {
  it('is recorded when its content changes, however often it is read', () => {
    given(datasetDecider, [])
      .when(load('a'))
      .then([loaded('a')]);
    given(datasetDecider, [loaded('a')])
      .when(load('a'))
      .then([]);
    given(datasetDecider, [loaded('a')])
      .when(load('b'))
      .then([loaded('b')]);
  });

  it('is refused once for one reason, and comes back when it is right again', () => {
    given(datasetDecider, [loaded('a')])
      .when(refuse)
      .then([refused]);
    given(datasetDecider, [loaded('a'), refused])
      .when(refuse)
      .then([]);
    given(datasetDecider, [loaded('a'), refused])
      .when(load('a'))
      .then([loaded('a')]);
  });

  it('is removed once', () => {
    given(datasetDecider, [loaded('a')])
      .when({ type: 'RemoveDataset', ...file })
      .then([removed]);
    given(datasetDecider, [loaded('a'), removed])
      .when({ type: 'RemoveDataset', ...file })
      .then([]);
  });
});
