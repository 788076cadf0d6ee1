import type { ActionEvent } from '#contracts/events/action';
import type { ActionView } from '#contracts/http/connector';
import type { JsonObject } from '#libs/kernel';
import type { Projection } from '#libs/read-model';
import { Action } from './action.entity';

const STATUS: Record<ActionEvent['type'], ActionView['status']> = {
  ActionStarted: 'started',
  ActionSucceeded: 'succeeded',
  ActionFailed: 'failed',
  ActionOutcomeUnknown: 'outcome_unknown',
  ActionRefused: 'refused',
};

export const actionsProjection: Projection = {
  name: 'actions',
  categories: ['action'],
  entities: [Action],
  async apply(events, tx) {
    const actions = tx.getRepository(Action);
    for (const { type, data, tenant, time } of events) {
      // The ledger holds only what this service has written to the category, by the category's contract.
      const event = { type, data } as unknown as ActionEvent;
      const { actionId: id, runId, caseId, connectionId, action } = event.data;
      const status = STATUS[event.type];
      if (event.type === 'ActionStarted') {
        const { approvers } = event.data;
        await actions.save({
          id,
          tenant,
          status,
          runId,
          caseId,
          connectionId,
          action,
          approvers,
          startedAt: new Date(time),
        });
        continue;
      }
      const ended = {
        status,
        endedAt: new Date(time),
        attempts: 'attempts' in event.data ? event.data.attempts : null,
        code: 'code' in event.data ? event.data.code : null,
        reason: 'reason' in event.data ? event.data.reason : null,
        outputs: 'outputs' in event.data ? (event.data.outputs as JsonObject) : null,
      };
      if (event.type === 'ActionRefused') {
        await actions.save({
          id,
          tenant,
          runId,
          caseId,
          connectionId,
          action,
          approvers: [],
          startedAt: null,
          ...ended,
        });
      } else {
        await actions.save({ id, ...ended });
      }
    }
  },
};
