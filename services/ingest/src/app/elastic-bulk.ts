import type { ElasticBulkAnswer, ElasticBulkItem } from '#contracts/http/elastic-bulk';
import { DomainError, isJsonObject, type JsonObject } from '#libs/kernel';
import { malformed } from '../domain/elastic-error';
import type { RawAlert, Received } from './alert-reception';

/** The answer has an item for each action. */
const MOST_ACTIONS = 100_000;

const WITH_DOCUMENT = ['index', 'create', 'update'];

interface Action {
  readonly verb: string;
  readonly index: string;
  readonly id: string | undefined;
}

/**
 * One request to the bulk API: pairs of lines become hits, as a search would return them, and what becomes of each is
 * gathered into the answer (Elasticsearch, "Bulk API").
 */
export class ElasticBulk {
  private readonly items: (readonly [verb: string, item: ElasticBulkItem])[] = [];
  /** For each document that went on, its action and its place among the items. */
  private readonly waiting: (readonly [place: number, action: Action])[] = [];
  private hasErrors = false;
  private count = 0;

  /** @param defaultIndex of the path, for actions that name none. */
  constructor(private readonly defaultIndex: string | undefined) {}

  /** @throws DomainError for a line that is no action; what stood before it is taken. */
  async *documents(lines: AsyncIterable<RawAlert>): AsyncGenerator<RawAlert> {
    let action: Action | undefined;
    let line = 0;
    for await (const raw of lines) {
      line += 1;
      if (action === undefined) {
        action = this.actionOf(raw, line);
        if (!WITH_DOCUMENT.includes(action.verb)) {
          this.refuse(action);
          action = undefined;
        }
        continue;
      }
      if (action.verb === 'update') this.refuse(action);
      else {
        this.waiting.push([this.place(), action]);
        yield hitOf(action, raw);
      }
      action = undefined;
    }
    if (action !== undefined) throw malformed(line, 'the document of its action is missing');
  }

  /** @param index among the documents that went on. */
  add(received: Received, index: number): void {
    const [place, { verb, ...action }] = this.waiting[index] ?? [0, { verb: 'index', index: '', id: undefined }];
    const base = { _index: action.index, _id: action.id ?? received.alert.receiptId };
    if (received.kind === 'accepted') {
      const shards = { total: 1, successful: 1, failed: 0 };
      const made = { _version: 1, result: 'created' as const, _shards: shards, _seq_no: place, _primary_term: 1 };
      this.items[place] = [verb, { ...base, ...made, status: 201 }];
      return;
    }
    this.hasErrors = true;
    const { field, reason, code } = received.alert;
    const error = {
      type: 'document_parsing_exception',
      reason: `${code}: ${field === null ? '' : `[${field}] `}${reason}`,
    };
    this.items[place] = [verb, { ...base, status: 400, error }];
  }

  answer(tookMs: number): ElasticBulkAnswer {
    if (this.count === 0) throw new DomainError('invalid_json', { field: 'body', reason: 'request body is required' });
    return {
      took: Math.round(tookMs),
      errors: this.hasErrors,
      items: this.items.map(([verb, item]) => ({ [verb]: item })),
    };
  }

  private place(): number {
    if (this.count >= MOST_ACTIONS) {
      throw new DomainError('body_too_large', `More than ${MOST_ACTIONS} actions: send them in several requests.`);
    }
    this.count += 1;
    return this.count - 1;
  }

  /** Alerts are recorded for good: nothing of them is changed or removed from outside. */
  private refuse({ verb, index, id }: Action): void {
    this.hasErrors = true;
    const error = { type: 'illegal_argument_exception', reason: `[${verb}] is not taken here, index and create are` };
    this.items[this.place()] = [verb, { _index: index, _id: id ?? '', status: 400, error }];
  }

  private actionOf({ bytes, size }: RawAlert, line: number): Action {
    const parsed = bytes.length < size ? undefined : parse(bytes);
    if (!isJsonObject(parsed)) throw malformed(line, 'expected START_OBJECT');
    const [verb, ...others] = Object.keys(parsed);
    const about = verb === undefined ? undefined : parsed[verb];
    if (verb === undefined || others.length > 0 || !isJsonObject(about)) {
      throw malformed(line, 'expected one action and its metadata');
    }
    if (![...WITH_DOCUMENT, 'delete'].includes(verb)) {
      throw malformed(line, 'expected field [create], [delete], [index] or [update]');
    }
    const { _index: index = this.defaultIndex, _id: id } = about;
    if (typeof index !== 'string' || index === '') throw malformed(line, 'an index is missing');
    return { verb, index: index.slice(0, 255), id: typeof id === 'string' ? id.slice(0, 512) : undefined };
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as JsonObject;
  } catch {
    return undefined;
  }
}

/** The document stays as it was written. One that is cut off, or no text, is refused as the bytes that it is. */
function hitOf({ index, id }: Action, raw: RawAlert): RawAlert {
  if (raw.bytes.length < raw.size) return raw;
  const about = JSON.stringify({ _index: index, ...(id !== undefined && { _id: id }) });
  const bytes = Buffer.concat([Buffer.from(`${about.slice(0, -1)},"_source":`), raw.bytes, Buffer.from('}')]);
  return { bytes, size: bytes.length };
}
