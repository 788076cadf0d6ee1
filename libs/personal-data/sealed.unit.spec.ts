import { createCipheriv, randomBytes } from 'node:crypto';
import { DomainError } from '#libs/kernel';
import { KeyRing } from './key-ring';
import { isSealed, isSealedWith, open, seal } from './sealed';
import { record } from './subject';

const ring = KeyRing.create();
const key = ring.keyFor(record('default', 'alert-1'));
const alert = ['Suspicious logon of j.doe from FILE-SERVER-7. '.repeat(60)];

/** As every release before form 2 sealed, whatever the length. */
function sealedInForm1(value: unknown): string {
  const name = `1.${ring.id}.${key.leaf}.`;
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.key, nonce).setAAD(Buffer.from(name));
  const parts = [nonce, cipher.update(JSON.stringify(value), 'utf8'), cipher.final(), cipher.getAuthTag()];
  return name + Buffer.concat(parts).toString('base64url');
}

describe('a sealed value', () => {
  it('is compressed where it is long', () => {
    const sealed = seal(alert, ring.id, key);
    expect(sealed).toMatch(/^2\./);
    expect(sealed.length).toBeLessThan(JSON.stringify(alert).length / 5);
    expect(open(sealed, ring)).toEqual(alert);
  });

  it('is not, where it is short', () => {
    const sealed = seal(['seen'], ring.id, key);
    expect(sealed).toMatch(/^1\./);
    expect(open(sealed, ring)).toEqual(['seen']);
  });

  it('opens in both forms, and both are of the same key', () => {
    const forms = [sealedInForm1(alert), seal(alert, ring.id, key)];
    expect(forms.map((sealed) => sealed.slice(0, 2))).toEqual(['1.', '2.']);
    for (const sealed of forms) {
      expect(isSealed(sealed)).toBe(true);
      expect(isSealedWith(sealed, ring.id, key)).toBe(true);
      expect(isSealedWith(sealed, ring.id, ring.keyFor(record('default', 'alert-2')))).toBe(false);
      expect(open(sealed, ring)).toEqual(alert);
    }
  });

  it('is not taken for one of the other form, nor of a form that is not known here', () => {
    const asForm1 = `1${seal(alert, ring.id, key).slice(1)}`;
    expect(() => open(asForm1, ring)).toThrow(expect.objectContaining({ code: 'personal_key_missing' }));
    const asForm2 = `2${sealedInForm1(alert).slice(1)}`;
    expect(() => open(asForm2, ring)).toThrow(DomainError);
    expect(isSealed(`3${sealedInForm1(alert).slice(1)}`)).toBe(false);
  });
});
