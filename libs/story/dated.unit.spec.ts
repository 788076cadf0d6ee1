import { datedOf } from './dated';

const event = (type: string, data: Record<string, string>, time = '2026-11-24T12:00:00.000Z') => ({ type, data, time });

describe('when something happened that was recorded later', () => {
  it('is the deadline that was over, or when the alert came in', () => {
    const deadline = '2026-11-24T11:00:00.000Z';
    expect(datedOf(event('ApprovalExpired', { deadline }))).toBe(deadline);
    expect(datedOf(event('AlertRecorded', { receivedAt: deadline }))).toBe(deadline);
  });

  it('is not said of what is still to come, or was recorded as it happened', () => {
    expect(datedOf(event('ApprovalOpened', { deadline: '2026-11-24T11:00:00.000Z' }))).toBeUndefined();
    expect(datedOf(event('ApprovalExpired', { deadline: '2026-11-24T12:00:00.000Z' }))).toBeUndefined();
    expect(datedOf(event('ApprovalExpired', {}))).toBeUndefined();
  });
});
