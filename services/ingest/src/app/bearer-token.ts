import { DomainError } from '#libs/kernel';

/** The token in `Authorization: Bearer TOKEN`. @throws DomainError `token_missing`, `token_invalid` */
export function bearerToken(authorization: string | undefined): string {
  const field = 'authorization';
  if (authorization === undefined || authorization.trim() === '') {
    throw new DomainError('token_missing', {
      field,
      reason: "Send 'Authorization: Bearer TOKEN', the token of a source.",
    });
  }
  const [, token] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
  if (token !== undefined) return token;
  throw new DomainError('token_invalid', { field, reason: "The header must be 'Authorization: Bearer TOKEN'." });
}
