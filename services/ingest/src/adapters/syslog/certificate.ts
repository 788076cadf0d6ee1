import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { SenderCertificate } from '../../domain/syslog-sender';

const FINGERPRINT = /^sha256:/i;

/** A verified certificate: its names are those of subject (CN) and subjectAltName, as they are, without wildcards. */
export function senderCertificate(certificate: X509Certificate): SenderCertificate {
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    isNamed(name) {
      if (FINGERPRINT.test(name))
        return name.replace(FINGERPRINT, '').replaceAll(':', '').toLowerCase() === fingerprint;
      if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
      if (name.includes('@')) return certificate.checkEmail(name, { subject: 'always' }) !== undefined;
      return certificate.checkHost(name, { subject: 'always', wildcards: false }) !== undefined;
    },
  };
}
