import fc from 'fast-check';
import { v5 } from 'uuid';
import { deterministicId, eventId, newId } from './ids';

describe('ids', () => {
  it('gives the same deterministic id for the same parts, and another for others', () => {
    expect(deterministicId('a', 'b')).toBe(deterministicId('a', 'b'));
    expect(deterministicId('ab', '')).not.toBe(deterministicId('a', 'b'));
    expect(deterministicId('1:a')).not.toBe(deterministicId('1', 'a'));
  });

  it('gives ids of version 5, as they have been since the first release', () => {
    const namespace = 'f0a1bd0a-52c6-5f5e-9a6e-6f1d0a2b7c11';
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.integer())), (parts) => {
        const name = parts.map((part) => `${String(part).length}:${part}`).join('');
        expect(deterministicId(...parts)).toBe(v5(name, namespace));
      }),
    );
  });

  it('numbers the events that one message causes on a stream', () => {
    expect(eventId('case-1', 'm', 0)).not.toBe(eventId('case-1', 'm', 1));
    expect(eventId('case-1', 'm', 0)).not.toBe(eventId('case-2', 'm', 0));
  });

  it('gives new ids in time order', () => {
    const ids = Array.from({ length: 1_000 }, newId);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
