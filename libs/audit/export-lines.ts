import { EXPORT_FORMAT, type ExportEnd, type ExportHeader } from '#contracts/audit';
import { canonicalParts, canonicalText, type RecordedEvent } from '#libs/event-store';
import { DomainError } from '#libs/kernel';

export interface ExportOptions {
  /** Whose events are shown; of those of other tenants only place and hash, so that the whole can still be verified. */
  readonly tenant: string;
  /** One stream alone, instead of the ledger. */
  readonly stream?: string;
  readonly exportedAt: Date;
}

/**
 * The text of an export, a piece for each page, each with whole lines (NDJSON).
 * @param pages events in (tx, position) order.
 */
export async function* exportText(
  pages: AsyncIterable<readonly RecordedEvent[]>,
  { tenant, stream, exportedAt }: ExportOptions,
): AsyncGenerator<string> {
  const header: ExportHeader = {
    kind: 'export',
    format: EXPORT_FORMAT,
    scope: stream === undefined ? 'ledger' : 'stream',
    tenant,
    stream: stream ?? null,
    exportedAt: exportedAt.toISOString(),
  };
  yield `${JSON.stringify(header)}\n`;
  let events = 0;
  let leaves = 0;
  for await (const page of pages) {
    const lines = page.map((event) => {
      if (isShown(event, tenant)) {
        events += 1;
        return `${eventLine(event)}\n`;
      }
      leaves += 1;
      const { tx, position, hash } = event;
      return `${JSON.stringify({ kind: 'leaf', tx, position, hash })}\n`;
    });
    yield lines.join('');
  }
  const end: ExportEnd = { kind: 'end', events, leaves };
  yield `${JSON.stringify(end)}\n`;
}

/**
 * In canonical form, out of which a verifier can cut what the hash covers; as it is where it has none, in a table that was
 * tampered with.
 */
export function eventLine(event: RecordedEvent): string {
  try {
    const { actor, data, meta } = canonicalParts(event);
    const text = (field: 'category' | 'hash' | 'id' | 'position' | 'stream' | 'tenant' | 'time' | 'tx' | 'type') =>
      `"${field}":${canonicalText(event[field])}`;
    return (
      `{"actor":${actor},${text('category')},"data":${data},${text('hash')},${text('id')},"kind":"event","meta":${meta},` +
      `${text('position')},"schemaVersion":${event.schemaVersion},${text('stream')},${text('tenant')},${text('time')},` +
      `${text('tx')},${text('type')},"version":${event.version}}`
    );
  } catch (error) {
    if (error instanceof DomainError) return JSON.stringify({ kind: 'event', ...event });
    throw error;
  }
}

/** Checkpoints and their keys belong to the installation: every tenant needs them to verify its own events. */
export function isShown({ tenant, category }: Pick<RecordedEvent, 'tenant' | 'category'>, to: string): boolean {
  return tenant === to || category === 'checkpoint';
}
