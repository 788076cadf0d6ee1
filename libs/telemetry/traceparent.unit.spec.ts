import { childTraceparent, inTrace, spanContextOf, traceparentOf } from './traceparent';

const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('traceparent', () => {
  it('names a span', () => {
    expect(spanContextOf(parent)).toEqual({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: 1,
      isRemote: true,
    });
    expect(traceparentOf(spanContextOf(parent)!)).toBe(parent);
  });

  it.each([
    undefined,
    '',
    'nonsense',
    `ff${parent.slice(2)}`,
    parent.toUpperCase(),
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
  ])('that is not valid (%s) names none', (wrong) => {
    expect(spanContextOf(wrong)).toBeUndefined();
  });

  it('of what a message causes is of the same trace, in a span of its own', () => {
    const child = spanContextOf(childTraceparent(parent));
    expect(child).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', traceFlags: 1 });
    expect(child?.spanId).not.toBe('b7ad6b7169203331');
  });

  it('without a parent begins a trace', () => {
    expect(spanContextOf(childTraceparent(undefined))?.traceFlags).toBe(1);
  });
});

describe('what is caused', () => {
  it('in the trace of a span, is caused by that span', () => {
    const span = `00-0af7651916cd43dd8448eb211c80319c-1111111111111111-01`;
    expect(inTrace({ id: 'a', traceparent: parent }, span)).toEqual({ id: 'a', traceparent: span });
  });

  it.each([undefined, '00-11111111111111111111111111111111-b7ad6b7169203331-01'])(
    'elsewhere (%s), stays',
    (traceparent) => {
      const caused = { id: 'a', traceparent };
      expect(inTrace(caused, parent)).toBe(caused);
    },
  );
});
