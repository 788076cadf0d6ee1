import { toDomainError } from './problem';

const coded = (code: string) => Object.assign(new Error('of the database'), { code });

describe('an error of the database', () => {
  it.each([
    ['a connection that broke off', new Error('Connection terminated unexpectedly')],
    [
      'a transaction whose connection broke off',
      new Error('Query runner already released. Cannot run queries anymore.'),
    ],
    ['a full disk', coded('53100')],
    ['a server that goes away', coded('57P01')],
  ])('is an outage, to be tried again: %s', (_, error) => {
    expect(toDomainError(error)).toMatchObject({ code: 'database_unavailable' });
  });

  it('is an error of our own when the statement is wrong', () => {
    expect(toDomainError(coded('42601'))).toMatchObject({ code: 'internal' });
  });
});
