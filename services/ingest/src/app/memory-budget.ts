import { DomainError } from '#libs/kernel';

/**
 * How many bytes of alerts, as they were sent, all requests together may have in memory: what comes in beyond it is told
 * to come back, instead of this process filling up.
 */
export class MemoryBudget {
  private held = 0;

  constructor(
    /** Bytes. */
    private readonly most: number,
  ) {}

  /** One request's part of it. */
  open(): MemoryShare {
    let mine = 0;
    return {
      add: (bytes) => {
        if (this.held + bytes > this.most) {
          throw new DomainError('service_unavailable', {
            field: 'body',
            reason: 'More alerts come in than can be held here; send them again after a pause.',
          });
        }
        this.held += bytes;
        mine += bytes;
      },
      release: () => {
        this.held -= mine;
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
