import { CATEGORIES, type Category } from '#contracts/envelope';

const UINT = /^(0|[1-9]\d{0,19})$/;
const HASH = /^[0-9a-f]{64}$/;
const CATEGORY_NAMES: ReadonlySet<unknown> = new Set(CATEGORIES);

export const isText = (value: unknown): value is string => typeof value === 'string';
export const isCategory = (value: unknown): value is Category => CATEGORY_NAMES.has(value);
export const isTx = (value: unknown): value is string => isUint(value, 64);
export const isPosition = (value: unknown): value is string => isUint(value, 63) && value !== '0';
export const isHash = (value: unknown): value is string => isText(value) && HASH.test(value);
export const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isInteger(value) && value > 0;

function isUint(value: unknown, bits: number): value is string {
  return isText(value) && UINT.test(value) && (value.length < 19 || BigInt(value) < 1n << BigInt(bits));
}
