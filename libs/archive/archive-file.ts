import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type CursorPoint, comparePlaces, type RecordedEvent } from '#libs/event-store';
import { DomainError, isJsonObject, type JsonValue } from '#libs/kernel';
import { type ArchiveManifest, readManifest } from './archive-manifest';
import { ifThere } from './if-there';

const decompress = promisify(gunzip);
/** Members that are kept unpacked: who reads on in pages finds the next ones there. */
const KEPT_MEMBERS = 2;

/** An archive that is read: a member at a time, each of a thousand events, wherever in the file it lies. */
export class ArchiveFile {
  private readonly kept = new Map<number, Promise<readonly RecordedEvent[]>>();

  private constructor(
    private readonly path: string,
    readonly manifest: ArchiveManifest,
  ) {}

  /** Undefined when the file or its manifest is not there. */
  static async open(path: string): Promise<ArchiveFile | undefined> {
    const manifest = await readManifest(path);
    const file = manifest && (await opened(path));
    await file?.close();
    return manifest && file && new ArchiveFile(path, manifest);
  }

  /** In the ledger's order. */
  async after(place: CursorPoint, limit: number, tenant?: string): Promise<RecordedEvent[]> {
    const found: RecordedEvent[] = [];
    for (let index = Math.max(0, this.memberOf(place)); index < this.manifest.members.length; index += 1) {
      for (const event of await this.member(index)) {
        if (comparePlaces(event, place) <= 0 || (tenant !== undefined && event.tenant !== tenant)) continue;
        found.push(event);
        if (found.length === limit) return found;
      }
    }
    return found;
  }

  /** The events of a stream that was appended to by the transactions `fromTx` to `toTx`. */
  async ofStream(stream: string, fromTx: string, toTx: string): Promise<RecordedEvent[]> {
    const found: RecordedEvent[] = [];
    const beginning = { tx: fromTx, position: '0' };
    const end = { tx: toTx, position: String(2n ** 63n - 1n) };
    for (let index = Math.max(0, this.memberOf(beginning)); index <= this.memberOf(end); index += 1) {
      found.push(...(await this.member(index)).filter((event) => event.stream === stream));
    }
    return found;
  }

  /** All of its events, a member at a time; `onBytes` gets the file's bytes as they are read. */
  async *members(onBytes: (bytes: Buffer) => void): AsyncGenerator<readonly RecordedEvent[]> {
    const file = await this.demand();
    try {
      for (const member of this.manifest.members) {
        const bytes = await this.bytesOf(file, member);
        onBytes(bytes);
        yield await this.eventsIn(bytes);
      }
      const end = this.manifest.members.reduce((sum, { bytes }) => sum + bytes, 0);
      if ((await file.stat()).size !== end) throw this.damaged(`is not of the ${end} bytes that its manifest tells`);
    } finally {
      await file.close();
    }
  }

  /** The last member that begins at or before a place; -1 when all begin after it. */
  private memberOf(place: CursorPoint): number {
    const { members } = this.manifest;
    let [low, high] = [0, members.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const member = members[middle];
      if (member && comparePlaces(member, place) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private member(index: number): Promise<readonly RecordedEvent[]> {
    const known = this.kept.get(index);
    if (known) return known;
    const read = this.readMember(index);
    this.kept.set(index, read);
    read.catch(() => this.kept.delete(index));
    const [oldest] = this.kept.keys();
    if (this.kept.size > KEPT_MEMBERS && oldest !== undefined) this.kept.delete(oldest);
    return read;
  }

  private async readMember(index: number): Promise<readonly RecordedEvent[]> {
    const member = this.manifest.members[index];
    if (!member) return [];
    const file = await this.demand();
    try {
      return await this.eventsIn(await this.bytesOf(file, member));
    } finally {
      await file.close();
    }
  }

  private async demand(): Promise<FileHandle> {
    const file = await opened(this.path);
    if (file) return file;
    throw new DomainError('history_archived', { field: this.path, reason: 'was there, and is gone' });
  }

  private async bytesOf(file: FileHandle, { offset, bytes }: ArchiveManifest['members'][number]): Promise<Buffer> {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, offset);
    if (bytesRead !== bytes) throw this.damaged('is cut off');
    return buffer;
  }

  private async eventsIn(bytes: Buffer): Promise<RecordedEvent[]> {
    const text = await decompress(bytes).catch(() => undefined);
    if (!text) throw this.damaged('cannot be unpacked');
    return text
      .toString('utf8')
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [this.event(line)]));
  }

  private event(line: string): RecordedEvent {
    try {
      const value: JsonValue = JSON.parse(line);
      if (isJsonObject(value) && value['kind'] === 'event') {
        const { kind: _, ...event } = value;
        // As it was written; its hash tells whether it still is.
        return event as unknown as RecordedEvent;
      }
    } catch {
      // It is no JSON.
    }
    throw this.damaged('has a line that is no event');
  }

  private damaged(reason: string): DomainError {
    return new DomainError('ledger_damaged', { field: this.path, reason });
  }
}

const opened = (path: string): Promise<FileHandle | undefined> => ifThere(open(path, 'r'));
