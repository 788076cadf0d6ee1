import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { SigningKey, WarrantClaims } from '#contracts/action';
import { DomainError, type ErrorCode } from '#libs/kernel';

const ajv = new Ajv();
addFormats.default(ajv);
ajv.addKeyword('x-personal');

export const isWarrantClaims = ajv.compile<WarrantClaims>(WarrantClaims);
export const isSigningKey = ajv.compile<SigningKey>(SigningKey);

/** What came from outside is `T`, or DomainError(`code`) names the first field that is not. */
export function requireContract<T>(check: ValidateFunction<T>, value: unknown, code: ErrorCode): asserts value is T {
  if (check(value)) return;
  const [error] = check.errors ?? [];
  const field = error?.instancePath.slice(1).replaceAll('/', '.');
  throw new DomainError(code, {
    ...(field ? { field } : {}),
    reason: `${error?.message ?? 'does not fit the contract'}.`,
  });
}
