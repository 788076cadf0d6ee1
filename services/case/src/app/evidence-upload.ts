import { type AddEvidenceBody, MAX_EVIDENCE_BYTES } from '#contracts/http/case';
import { DomainError } from '#libs/kernel';

/** What a person adds: a link to something, or the bytes of a file. */
export type EvidenceUpload =
  | { readonly kind: 'link'; readonly url: string }
  | { readonly kind: 'file'; readonly mediaType: string; readonly content: Buffer };

/** Throws DomainError('invalid_field') for what the kind does not have or lacks, ('evidence_too_large') over 1 MiB. */
export function readUpload({ kind, url, mediaType, content }: AddEvidenceBody): EvidenceUpload {
  if (kind === 'link') {
    if (url === undefined) throw wrong('url', 'is required for a link');
    if (!URL.canParse(url)) throw wrong('url', 'is not a URL');
    if (content !== undefined) throw wrong('content', 'is for a file, not for a link');
    if (mediaType !== undefined) throw wrong('mediaType', 'is for a file, not for a link');
    return { kind, url };
  }
  if (url !== undefined) throw wrong('url', 'is for a link, not for a file');
  if (content === undefined) throw wrong('content', 'is required for a file: its bytes in base64');
  const bytes = Buffer.from(content, 'base64');
  // Node leaves out what is not base64 instead of refusing it.
  if (bytes.toString('base64') !== content) throw wrong('content', 'is not base64 (RFC 4648, section 4, with padding)');
  if (bytes.length > MAX_EVIDENCE_BYTES) {
    throw new DomainError('evidence_too_large', {
      field: 'content',
      reason: `has ${bytes.length} bytes; a file may have ${MAX_EVIDENCE_BYTES}. Keep it elsewhere and add a link.`,
    });
  }
  return { kind, mediaType: mediaType ?? 'application/octet-stream', content: bytes };
}

function wrong(field: string, reason: string): DomainError {
  return new DomainError('invalid_field', { field, reason });
}
