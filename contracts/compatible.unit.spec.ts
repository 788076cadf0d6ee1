import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '#libs/kernel';
import { incompatible, RELEASED_FOLDER, writeRelease } from './compatible';
import { compareContracts } from './compatibility/compare-contracts';
import { type ContractSnapshot, currentSnapshot } from './compatibility/contract-snapshot';

const text = { type: 'string' };
const object = (properties: JsonObject, required = Object.keys(properties)): JsonObject => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const NOTE = 'events/case/CaseNoteAdded.v1';
const POST = 'POST /v1/notes';

const released: ContractSnapshot = {
  events: { [NOTE]: object({ text }) },
  http: { [POST]: { body: object({ text }), responses: { 200: object({ id: text }) } } },
};
const withEvents = (events: ContractSnapshot['events']) => compareContracts(released, { ...released, events });
const withCall = (schemas: Partial<ContractSnapshot['http'][string]>) =>
  compareContracts(released, { ...released, http: { [POST]: { ...released.http[POST], responses: {}, ...schemas } } });

describe('contracts beside those of a release', () => {
  it('name the type, the field and the reason of what they break', () => {
    expect(withEvents({ [NOTE]: object({ text, language: text }) })).toEqual([`${NOTE}: language is new and required`]);
  });

  it('may change in a new version while the old one is still read', () => {
    const changed = object({ paragraphs: { type: 'array', items: text } });
    expect(withEvents({ [NOTE]: object({ text }), 'events/case/CaseNoteAdded.v2': changed })).toEqual([]);
    expect(withEvents({ 'events/case/CaseNoteAdded.v2': changed })).toEqual([
      `${NOTE}: is gone, and what was written by it stays: keep version 1 as an earlier one, with its upcaster`,
    ]);
  });

  it('may have more types and endpoints', () => {
    const more = { ...released.http, 'GET /v1/notes': { responses: { 200: text } } };
    const { events } = released;
    expect(compareContracts(released, { events: { ...events, 'events/case/New.v1': object({}) }, http: more })).toEqual(
      [],
    );
  });

  it('take what callers send, and give what they read', () => {
    const { responses } = released.http[POST] ?? { responses: {} };
    expect(compareContracts(released, { ...released, http: {} })).toEqual([`${POST}: is no longer served`]);
    expect(withCall({ responses, body: object({ text, language: text }) })).toEqual([
      `${POST} body: language is new and required`,
    ]);
    expect(withCall({ responses, query: object({ dry: text }) })).toEqual([`${POST} query: dry is new and required`]);
    expect(withCall({ responses, query: object({ dry: text }, []) })).toEqual([]);
    expect(withCall({ responses: { 200: object({}) } })).toEqual([`${POST} answer 200: id was removed`]);
    expect(withCall({ responses: { 201: object({ id: text }) } })).toEqual([`${POST} answer 200: is no longer given`]);
  });
});

describe('the releases', () => {
  it('are all kept by the contracts of now', async () => {
    expect(await readdir(RELEASED_FOLDER)).toContain('0.1.0');
    expect(await incompatible(RELEASED_FOLDER)).toEqual([]);
  });

  it('are broken by a change that is not compatible, and the message says whose', async () => {
    const now = currentSnapshot();
    const changed = { ...now, events: { ...now.events, [NOTE]: object({ caseId: text, noteId: text }) } };
    expect(await incompatible(RELEASED_FOLDER, changed)).toContain(`0.1.0: ${NOTE}: text was removed`);
  });

  it('are written once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'released-'));
    try {
      const release = await writeRelease(folder);
      expect(await incompatible(folder)).toEqual([]);
      expect((await readFile(join(release, 'events.json'), 'utf8')).split('\n')).toHaveLength(
        Object.keys(currentSnapshot().events).length + 3,
      );
      await expect(writeRelease(folder)).rejects.toMatchObject({ code: 'invalid_transition' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
