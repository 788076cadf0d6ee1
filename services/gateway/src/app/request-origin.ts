import { DomainError } from '#libs/kernel';
import { isLoopback } from '#libs/service';

/**
 * Against DNS rebinding (Model Context Protocol, Streamable HTTP, security): a page of somewhere else that a browser
 * has been made to take for this host carries a Host or an Origin that is not ours.
 * @param publicUrl the origin that people use, where it is not loopback
 * Throws DomainError('invalid_field') naming the header.
 */
export function demandOwnOrigin(
  headers: { readonly host?: string; readonly origin?: string },
  publicUrl: string | undefined,
): void {
  if (!isOwn(`http://${headers.host ?? ''}`, publicUrl)) {
    throw refused('host', `The name '${headers.host ?? ''}' is not this gateway's (GATEWAY_PUBLIC_URL).`);
  }
  if (headers.origin !== undefined && !isOwn(headers.origin, publicUrl)) {
    throw refused('origin', `Pages of '${headers.origin}' may not call this (GATEWAY_PUBLIC_URL).`);
  }
}

function isOwn(url: string, publicUrl: string | undefined): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname, host } = new URL(url);
  return isLoopback(hostname) || (publicUrl !== undefined && host === new URL(publicUrl).host);
}

const refused = (field: string, reason: string): DomainError => new DomainError('invalid_field', { field, reason });
