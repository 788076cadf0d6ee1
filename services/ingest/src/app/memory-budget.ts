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

  constructor(
    /** Bytes. */
    private readonly most: number,
  ) {}

  /** One request's part of it. @param sourceId whose request it is. */
  open(sourceId: string): MemoryShare {
    let mine = 0;
    return {
      add: (bytes) => {
        const ofSource = (this.heldBy.get(sourceId) ?? 0) + bytes;
        if (this.held + bytes > this.most || ofSource > this.most * (1 - KEPT_FOR_OTHERS)) {
          throw new DomainError('service_unavailable', {
            field: 'body',
            reason: 'More alerts come in than can be held here; send them again after a pause.',
          });
        }
        this.held += bytes;
        this.heldBy.set(sourceId, ofSource);
        mine += bytes;
      },
      release: () => {
        this.held -= mine;
        const left = (this.heldBy.get(sourceId) ?? 0) - mine;
        if (left > 0) this.heldBy.set(sourceId, left);
        else this.heldBy.delete(sourceId);
        mine = 0;
      },
    };
  }
}

export interface MemoryShare {
  /** @throws DomainError('service_unavailable') when that were more than all may have. */
  add(bytes: number): void;
  /** What was added is durable, or given up. */
  release(): void;
}

/** The chunks of a body as they arrive, counted. */
export async function* counted(chunks: AsyncIterable<Buffer>, share: MemoryShare): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    share.add(chunk.length);
    yield chunk;
  }
}
