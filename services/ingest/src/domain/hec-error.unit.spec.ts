import { DomainError, type ErrorCode } from '#libs/kernel';
import { hecAnswer, HecError } from './hec-error';

describe('an error, as Splunk words it', () => {
  it.each<[ErrorCode, number, number, string]>([
    ['bus_unavailable', 503, 9, 'Server is busy'],
    ['database_unavailable', 503, 9, 'Server is busy'],
    ['throttled', 503, 9, 'Server is busy'],
    ['body_too_large', 413, 27, 'Request entity too large'],
    ['internal', 500, 8, 'Internal server error'],
    ['unsupported_media_type', 400, 6, 'Invalid data format'],
    ['invalid_character', 400, 6, 'Invalid data format'],
  ])('is, for %s, the status %d and the code %d', (code, status, hec, text) => {
    expect(hecAnswer(new DomainError(code, 'x'))).toEqual({ status, body: { text, code: hec } });
  });

  it('tells nothing of its own reason, but which event it was', () => {
    expect(hecAnswer(new HecError(12, 'the key event is missing', 3))).toEqual({
      status: 400,
      body: { text: 'Event field is required', code: 12, 'invalid-event-number': 3 },
    });
  });
});
