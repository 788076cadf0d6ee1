import * as fc from 'fast-check';
import type { Category } from '#contracts/envelope';
import type { JsonObject } from '#libs/kernel';
import { KeyRing } from './key-ring';
import { PersonalData } from './personal-data';
import { person, record } from './subject';

const alice = { kind: 'human', id: 'Alice' } as const;
const caseId = '01a20ea0-0000-7000-8000-000000000001';
const alertId = '01a20ea0-0000-7000-8000-000000000002';

const event = (category: Category, type: string, data: JsonObject) => ({
  category,
  stream: `${category}-${caseId}`,
  type,
  schemaVersion: 1,
  tenant: 'default',
  actor: alice,
  data,
});
const note = (text: string) => event('case', 'CaseNoteAdded', { caseId, noteId: caseId, text });

const finding = {
  activity_id: 1,
  category_uid: 2,
  class_uid: 2004,
  type_uid: 200401,
  time: 1_764_000_000_000,
  severity_id: 4,
  metadata: { version: '1.8.0', product: { name: 'EDR' } },
  finding_info: { uid: 'f-1', title: 'J. Doe logged in twice', desc: 'from two places' },
  evidences: [{ actor: { user: { name: 'j.doe' } } }],
};

describe('personal data', () => {
  let ring: KeyRing;
  const personal = new PersonalData(() => ring);
  const erase = (...subjects: ReturnType<typeof person>[]) => {
    const keys = subjects.map((subject) => personal.keyNameOf(subject));
    ring = ring.without(keys, null);
  };
  beforeEach(() => {
    ring = KeyRing.create();
  });

  it('is nowhere to be seen in what is stored, and comes back as it was', () => {
    const written = note('Called J. Doe, 0171 5550100');
    const stored = personal.sealEvent(written);
    expect(JSON.stringify(stored)).not.toMatch(/Doe|alice/i);
    expect(stored.data).toEqual({ caseId, noteId: caseId, text: { enc: 0 }, enc: expect.stringMatching(/^1\./) });
    expect(personal.openEvent(stored)).toEqual(written);
  });

  it('leaves alone what has none, and what is sealed already', () => {
    const plain = {
      ...event('correlation', 'CorrelationJoined', { rule: 'host', caseId }),
      actor: { kind: 'service', id: 'case' } as const,
    };
    expect(personal.sealEvent(plain)).toEqual(plain);
    const sealed = personal.sealEvent(note('seen'));
    expect(personal.sealEvent(sealed)).toEqual(sealed);
  });

  it('opens what an earlier release has written without sealing it', () => {
    expect(personal.openEvent(note('seen'))).toEqual(note('seen'));
  });

  it('seals of a finding all that its contract does not name as harmless', () => {
    const message = {
      ...event('alert', 'AlertReceived', { alertId, finding }),
      topic: 'countersign.alerts',
      key: alertId,
    };
    const sealed = personal.sealMessage(message);
    expect(JSON.stringify(sealed)).not.toMatch(/doe|two places/i);
    const { finding_info: _, evidences: __, ...harmless } = finding;
    expect(sealed.data).toMatchObject({
      finding: { ...harmless, finding_info: { uid: 'f-1', enc: 0 }, enc: 1 },
    });
    expect(personal.openMessage(sealed)).toEqual(message);
    erase(record('default', `alert-${alertId}`));
    expect(personal.openMessage(sealed).data).toEqual({
      alertId,
      finding: { ...harmless, finding_info: { uid: 'f-1' } },
    });
  });

  describe('that goes on as it was opened', () => {
    const message = {
      ...event('alert', 'AlertReceived', { alertId, finding, original: { encoding: 'utf-8', body: 'Doe', size: 3 } }),
      topic: 'countersign.alerts',
      key: alertId,
    };
    const recorded = (data: JsonObject) =>
      event('alert', 'AlertRecorded', { ...data, outcome: 'new', caseId: null, observables: [] });

    it('is sealed once', () => {
      const sealed = personal.sealMessage(message);
      const opened = personal.openMessage(sealed);
      const next = {
        ...event('alert', 'AlertReceived', { ...opened.data, digest: 'd' }),
        topic: message.topic,
        key: '',
      };
      const again = personal.sealMessage(next);
      expect(again.data).toEqual({ ...sealed.data, digest: 'd' });
      expect(personal.openMessage(again)).toEqual(next);
    });

    it('is sealed anew where anything personal came with it', () => {
      const sealed = personal.sealMessage(message);
      const event = recorded(personal.openMessage(sealed).data);
      const again = personal.sealEvent(event);
      expect(again.data['enc']).not.toBe(sealed.data['enc']);
      expect(personal.openEvent(again)).toEqual(event);
    });

    it('is sealed anew under the key of another record, and once its own is gone', () => {
      const { data } = personal.openMessage(personal.sealMessage(message));
      const other = recorded({ ...data, alertId: caseId });
      erase(record('default', `alert-${alertId}`));
      for (const event of [other, recorded(data)]) {
        const sealed = personal.sealEvent(event);
        expect(JSON.stringify(sealed)).not.toMatch(/doe|two places/i);
        expect(personal.openEvent(sealed)).toEqual(event);
      }
    });
  });

  it('opens what died on the topic that it was published to', () => {
    const message = {
      ...event('alert', 'AlertReceived', { alertId, finding }),
      topic: 'countersign.alerts',
      key: alertId,
    };
    const dead = { ...personal.sealMessage(message), topic: 'countersign.alerts.dead' };
    expect(personal.openMessage(dead).data).toEqual(message.data);
  });

  it('reads erased once the key of its record is gone, and nothing else does', () => {
    const [kept, gone] = [personal.sealEvent(note('one')), personal.sealEvent({ ...note('two'), tenant: 'other' })];
    erase(record('other', `case-${caseId}`));
    expect(personal.openEvent(gone)).toMatchObject({ actor: { id: 'Alice' }, data: { text: 'erased' } });
    expect(personal.openEvent(kept)).toEqual(note('one'));
  });

  it('erases a person wherever their name is a field of its own, however it was written', () => {
    const stored = [
      personal.sealEvent(note('hello')),
      personal.sealEvent(event('case', 'CaseAssigned', { caseId, from: null, to: 'ALICE' })),
      personal.sealEvent(event('approval', 'ApprovalGranted', { approvers: ['bob', 'alice'], comment: 'go' })),
    ];
    erase(person('default', ' alice'));
    expect(stored.map((one) => personal.openEvent(one))).toMatchObject([
      { actor: { kind: 'human', id: 'erased' }, data: { text: 'hello' } },
      { data: { from: null, to: 'erased' } },
      { data: { approvers: ['bob', 'erased'], comment: 'go' } },
    ]);
  });

  it('gives who appears again after an erasure a new key', () => {
    const before = personal.sealEvent(note('one'));
    erase(person('default', 'alice'), record('default', `case-${caseId}`));
    const after = personal.sealEvent(note('two'));
    expect(personal.openEvent(before)).toMatchObject({ actor: { id: 'erased' }, data: { text: 'erased' } });
    expect(personal.openEvent(after)).toEqual(note('two'));
    expect(personal.areDestroyed([personal.keyNameOf(person('default', 'alice'))])).toBe(false);
  });

  it('gives objects and lists that were erased as empty ones, so that whoever reads them goes on', () => {
    const run = event('run', 'RunStarted', {
      runId: caseId,
      caseId,
      variables: { __who__: { type: 'string', value: 'j.doe' } },
    });
    const stored = personal.sealEvent(run);
    erase(record('default', `case-${caseId}`));
    expect(personal.openEvent(stored).data).toEqual({ runId: caseId, caseId, variables: {} });
  });

  it('refuses what could not be stored in the open either, and names the field', () => {
    expect(() => personal.sealEvent(note('a\0b'))).toThrow(
      expect.objectContaining({ code: 'invalid_character', field: 'data.text' }),
    );
    expect(() => personal.sealEvent(note('a\ud800b'))).toThrow(
      expect.objectContaining({ code: 'invalid_character', field: 'data.text' }),
    );
  });

  it('never guesses: the keys of another installation, or a changed value, are an error', () => {
    const stored = personal.sealEvent(note('one'));
    const enc = `${String(stored.data['enc']).slice(0, -4)}AAAA`;
    const changed = { ...stored, data: { ...stored.data, enc } };
    expect(() => personal.openEvent(changed)).toThrow(expect.objectContaining({ code: 'personal_key_missing' }));
    ring = KeyRing.create();
    expect(() => personal.openEvent(stored)).toThrow(expect.objectContaining({ code: 'personal_key_missing' }));
  });

  it('comes back as it was, whatever it is', () => {
    const anything = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ stringUnit: 'grapheme' }));
    fc.assert(
      fc.property(anything, (variables) => {
        const given = event(
          'run',
          'RunStarted',
          JSON.parse(JSON.stringify({ variables: JSON.parse(JSON.stringify(variables)) })),
        );
        fc.pre(!JSON.stringify(given).includes('\\u0000'));
        expect(personal.openEvent(personal.sealEvent(given))).toEqual(given);
      }),
    );
  });
});
