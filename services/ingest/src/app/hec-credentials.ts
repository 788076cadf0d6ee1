import { HecError } from '../domain/hec-error';

/**
 * The token of a request to Splunk's HTTP Event Collector: `Authorization: Splunk TOKEN`, the password of Basic with any
 * user, or `?token=` where there is no such header (Splunk Enterprise, "Format events for HTTP Event Collector").
 * @throws HecError 2 for none, 3 for a header of another form.
 */
export function hecCredentials(
  authorization: string | undefined,
  query: unknown,
): { readonly token: string; readonly isFromQuery: boolean } {
  if (authorization !== undefined && authorization.trim() !== '') {
    return { token: tokenOf(authorization), isFromQuery: false };
  }
  const token = typeof query === 'object' && query !== null ? Reflect.get(query, 'token') : undefined;
  if (typeof token !== 'string' || token === '') throw new HecError(2, 'Send Authorization: Splunk TOKEN.');
  return { token, isFromQuery: true };
}

function tokenOf(authorization: string): string {
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'splunk') return value;
  if (scheme.toLowerCase() === 'basic') {
    const pair = Buffer.from(value, 'base64').toString('utf8');
    const token = pair.slice(pair.indexOf(':') + 1);
    if (pair.includes(':') && token !== '') return token;
  }
  throw new HecError(3, 'The header must be Authorization: Splunk TOKEN, or Basic with the token as the password.');
}
