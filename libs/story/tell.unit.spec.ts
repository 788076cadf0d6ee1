import { CATEGORIES } from '#contracts/envelope';
import { EVENT_CONTRACTS } from '#contracts/events/index';
import { SENTENCES } from './sentences';
import { tell } from './tell';

const id = '0198c0de-0000-7000-8000-000000000001';

describe('the story of an event', () => {
  it('is one sentence with who, what and why', () => {
    const text = tell({
      category: 'case',
      type: 'CaseStatusChanged',
      schemaVersion: 1,
      actor: { kind: 'human', id: 'alice' },
      data: { caseId: id, from: 'new', to: 'closed', resolution: 'false_positive', comment: 'our own scanner' },
    });
    expect(text).toBe('alice changed the status from new to closed (false_positive): “our own scanner”.');
  });

  it('says for whom an agent acts', () => {
    const actor = { kind: 'agent', id: 'assistant', behalfOf: 'bob' } as const;
    const data = { caseId: id, from: null, to: 'bob' };
    expect(tell({ category: 'case', type: 'CaseAssigned', schemaVersion: 1, actor, data })).toBe(
      'agent assistant (for bob) gave the case to bob.',
    );
  });

  it('names an event of a newer release instead of guessing what it says', () => {
    const actor = { kind: 'service', id: 'case' } as const;
    const event = { category: 'case', type: 'CaseOpened', schemaVersion: 2, actor, data: {} } as const;
    expect(tell(event)).toBe('service case recorded CaseOpened.');
  });

  it('has a sentence for every event type of the contracts', () => {
    const missing = CATEGORIES.flatMap((category) =>
      Object.keys(EVENT_CONTRACTS[category]).filter((type) => SENTENCES[category][type] === undefined),
    );
    expect(missing).toEqual([]);
  });
});
