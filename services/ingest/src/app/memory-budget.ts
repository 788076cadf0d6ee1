import { DomainError } from '#libs/kernel';

/** Of all that may be held, no source takes this part: another's alert finds room during its flood. */
const KEPT_FOR_OTHERS = 1 / 8;

/**
 * How many bytes of alerts, as they were sent, all requests together may have in memory: what comes in beyond it is told
 * to come back, instead of this process filling up.
 */
export class MemoryBudget {
  private held = 0;
  private readonly heldBy = new Map<string, number>();
  private readonly waiting = new Set<() => boolean>();

  constructor(
    /** Bytes. */
    private readonly most: number,
  ) {}

  /** One request's part of it. @param sourceId whose request it is. */
  open(sourceId: string): MemoryShare {
    let mine = 0;
    const take = (bytes: number): boolean => {
      if (!this.hasRoom(sourceId, bytes)) return false;
      this.change(sourceId, bytes);
      mine += bytes;
      return true;
    };
    return {
      add: (bytes) => {
        if (take(bytes)) return;
        throw new DomainError('service_unavailable', {
          field: 'body',
          reason: 'More alerts come in than can be held here; send them again after a pause.',
        });
      },
      addInTime: async (bytes, ms) => take(bytes) || this.inTime(() => take(bytes), ms),
      release: (kept = 0) => {
        this.change(sourceId, kept - mine);
        mine = kept;
        for (const enter of this.waiting) enter();
      },
    };
  }

  private hasRoom(sourceId: string, bytes: number): boolean {
    const ofSource = (this.heldBy.get(sourceId) ?? 0) + bytes;
    return this.held + bytes <= this.most && ofSource <= this.most * (1 - KEPT_FOR_OTHERS);
  }

  private change(sourceId: string, bytes: number): void {
    this.held += bytes;
    const left = (this.heldBy.get(sourceId) ?? 0) + bytes;
    if (left > 0) this.heldBy.set(sourceId, left);
    else this.heldBy.delete(sourceId);
  }

  private async inTime(take: () => boolean, ms: number): Promise<boolean> {
    return new Promise<boolean>((resolve) => {
      const end = (hasRoom: boolean) => {
        clearTimeout(timer);
        this.waiting.delete(enter);
        resolve(hasRoom);
        return hasRoom;
      };
      // Who has waited longest is asked first.
      const enter = () => take() && end(true);
      const timer = setTimeout(() => end(false), ms);
      this.waiting.add(enter);
    });
  }
}

export interface MemoryShare {
  /** @throws DomainError('service_unavailable') when that were more than all may have. */
  add(bytes: number): void;
  /** Waits for room, for a sender that can be held back: false where there was none within `ms`. */
  addInTime(bytes: number, ms: number): Promise<boolean>;
  /** What was added is durable, or given up, but for `kept` bytes. */
  release(kept?: number): void;
}

/** The chunks of a body as they arrive, counted. */
export async function* counted(chunks: AsyncIterable<Buffer>, share: MemoryShare): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    share.add(chunk.length);
    yield chunk;
  }
}
