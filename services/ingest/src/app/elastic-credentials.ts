import { DomainError } from '#libs/kernel';

/**
 * The token of a source in a header for Elasticsearch: the password of Basic with any user, the key of `ApiKey`, which is
 * the Base64 of `id:key`, or `Bearer`.
 * @throws DomainError `token_missing`, `token_invalid`
 */
export function elasticCredentials(authorization: string | undefined): string {
  if (authorization === undefined || authorization.trim() === '') {
    throw new DomainError('token_missing', {
      field: 'authorization',
      reason:
        'missing authentication credentials: send the token of a source as the password of Basic, or as an API key',
    });
  }
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  if (/^(?:basic|apikey)$/i.test(scheme) && pair.includes(':')) return pair.slice(pair.indexOf(':') + 1);
  throw new DomainError('token_invalid', {
    field: 'authorization',
    reason: 'unable to authenticate: send Basic, ApiKey or Bearer with the token of a source',
  });
}
