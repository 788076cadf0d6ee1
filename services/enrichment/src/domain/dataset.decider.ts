import type { DatasetEvent } from '#contracts/events/dataset';
import type { Decider } from '#libs/kernel';
import type { ListKind } from './local-list';

/** What the ledger knows of one file of the folder. */
export type DatasetState =
  | { readonly status: 'absent' }
  | { readonly status: 'loaded'; readonly digest: string }
  | { readonly status: 'refused'; readonly reason: string };

interface File {
  readonly datasetId: string;
  readonly name: string;
}

export type DatasetCommand =
  | (File & {
      readonly type: 'LoadDataset';
      readonly kind: ListKind;
      readonly digest: string;
      readonly entries: number;
    })
  | (File & { readonly type: 'RefuseDataset'; readonly reason: string })
  | (File & { readonly type: 'RemoveDataset' });

/** Records changes only: every process, and every start, reads the same files again. */
export const datasetDecider: Decider<DatasetState, DatasetCommand, DatasetEvent> = {
  initialState: () => ({ status: 'absent' }),

  decide(command, state) {
    const { datasetId, name } = command;
    switch (command.type) {
      case 'LoadDataset': {
        const { kind, digest, entries } = command;
        if (state.status === 'loaded' && state.digest === digest) return [];
        return [{ type: 'DatasetLoaded', data: { datasetId, name, kind, digest, entries } }];
      }
      case 'RefuseDataset': {
        const { reason } = command;
        if (state.status === 'refused' && state.reason === reason) return [];
        return [{ type: 'DatasetRefused', data: { datasetId, name, reason } }];
      }
      case 'RemoveDataset':
        return state.status === 'absent' ? [] : [{ type: 'DatasetRemoved', data: { datasetId, name } }];
      default: {
        const _: never = command;
        return [];
      }
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'DatasetLoaded':
        return { status: 'loaded', digest: event.data.digest };
      case 'DatasetRefused':
        return { status: 'refused', reason: event.data.reason };
      case 'DatasetRemoved':
        return { status: 'absent' };
      default: {
        const _: never = event;
        return state;
      }
    }
  },
};
