import type { PlaybookEvent } from '#contracts/events/playbook';
import { given } from '#libs/testing';
import { type PlaybookCommand, playbookDecider } from './playbook.decider';

const playbookId = 'playbook--c7a5e1d0-5b0e-4f6e-9a51-0d7e7c1b0001';
const [one, two] = ['1'.repeat(64), '2'.repeat(64)];
const approvalId = 'c7a5e1d0-0000-4000-8000-000000000001';

const drafted = (digest: string): PlaybookEvent => ({
  type: 'PlaybookDrafted',
  data: { playbookId, digest, name: 'A playbook', document: {}, origin: 'import' },
});
const activated = (digest: string): PlaybookEvent => ({
  type: 'PlaybookActivated',
  data: { playbookId, digest, approvalId },
});
const retired = (digest: string): PlaybookEvent => ({
  type: 'PlaybookRetired',
  data: { playbookId, digest, reason: 'old' },
});
const refused = (outcome: 'denied' | 'expired' | 'not_executable'): PlaybookEvent => ({
  type: 'PlaybookActivationRefused',
  data: { playbookId, digest: one, approvalId, outcome },
});

const draft = (digest: string, isAuthor = false): PlaybookCommand => ({
  type: 'DraftPlaybook',
  ...{ playbookId, digest, name: 'A playbook', document: {}, origin: 'import', isAuthor },
});
const activate = (digest: string, executable = true): PlaybookCommand => ({
  type: 'ActivatePlaybook',
  digest,
  approvalId,
  executable,
});

describe('a playbook', () => {
  it('is drafted inactive', () => {
    given(playbookDecider, [])
      .when(draft(one))
      .then([drafted(one)]);
  });

  it('is not drafted twice by its author, but records another one', () => {
    given(playbookDecider, [drafted(one)])
      .when(draft(one, true))
      .then([]);
    given(playbookDecider, [drafted(one)])
      .when(draft(one, false))
      .then([drafted(one)]);
  });

  it('has versions side by side, and stays active when one is drafted again', () => {
    given(playbookDecider, [drafted(one), activated(one)])
      .when(draft(two))
      .then([drafted(two)]);
    given(playbookDecider, [drafted(one), activated(one), drafted(one)])
      .when(activate(one))
      .then([]);
  });

  it('is activated by the grant, once, and only while it is a draft', () => {
    given(playbookDecider, [drafted(one)])
      .when(activate(one))
      .then([activated(one)]);
    given(playbookDecider, [drafted(one), activated(one)])
      .when(activate(one))
      .then([]);
    given(playbookDecider, [drafted(one), retired(one)])
      .when(activate(one))
      .then([]);
    given(playbookDecider, [drafted(one), refused('denied')])
      .when(activate(one))
      .then([]);
    given(playbookDecider, []).when(activate(one)).thenThrows('not_found');
  });

  it('is refused when this release cannot run it, whatever was granted', () => {
    given(playbookDecider, [drafted(one)])
      .when(activate(one, false))
      .then([refused('not_executable')]);
  });

  it('that was denied or retired is not drafted again', () => {
    given(playbookDecider, [drafted(one), refused('denied')])
      .when(draft(one))
      .thenThrows('invalid_transition', 'document');
    given(playbookDecider, [drafted(one), retired(one)])
      .when(draft(one))
      .thenThrows('invalid_transition', 'document');
  });

  it('is denied or expires as a draft only', () => {
    const deny: PlaybookCommand = { type: 'RefuseActivation', digest: one, approvalId, outcome: 'denied' };
    given(playbookDecider, [drafted(one)])
      .when(deny)
      .then([refused('denied')]);
    given(playbookDecider, [drafted(one), activated(one)])
      .when(deny)
      .then([]);
  });

  it('is retired once: the active version, unless another is named', () => {
    const history = [drafted(one), activated(one), drafted(two)];
    given(playbookDecider, history)
      .when({ type: 'RetirePlaybook', reason: 'old' })
      .then([retired(one)]);
    given(playbookDecider, history)
      .when({ type: 'RetirePlaybook', digest: two, reason: 'old' })
      .then([retired(two)]);
    given(playbookDecider, [...history, retired(one)])
      .when({ type: 'RetirePlaybook', digest: one, reason: 'old' })
      .then([]);
    given(playbookDecider, history)
      .when({ type: 'RetirePlaybook', digest: '3'.repeat(64), reason: 'old' })
      .thenThrows('not_found', 'digest');
    given(playbookDecider, []).when({ type: 'RetirePlaybook', reason: 'old' }).thenThrows('not_found');
  });
});
