import type { SnapshotKind, Snapshots } from './snapshots';
import { StreamMap } from './stream-map';

interface Kept {
  readonly stateVersion: number;
  readonly version: number;
  readonly hash: string;
  /** As JSON, which is what a state has to survive. */
  readonly state: string;
}

/** Snapshots in memory, for unit tests: the same rules as PostgreSQL's. */
export function createMemorySnapshots({ every = 200 }: { every?: number } = {}): Snapshots {
  let generation = 1;
  let kept = new StreamMap<Kept>();
  const keyOf = ({ category, name }: SnapshotKind) => `${category} ${name}`;
  return {
    every,
    async load(kind, streams) {
      const found = streams.flatMap((stream) => {
        const one = kept.get(keyOf(kind), stream);
        if (one?.stateVersion !== kind.stateVersion) return [];
        const state: unknown = JSON.parse(one.state);
        return [[stream, { version: one.version, hash: one.hash, state }] as const];
      });
      return { generation: String(generation), byStream: new Map(found) };
    },
    async save(kind, of, snapshots) {
      if (of !== String(generation)) return;
      for (const [stream, { version, hash, state }] of snapshots) {
        const before = kept.get(keyOf(kind), stream);
        if (before?.stateVersion === kind.stateVersion && before.version >= version) continue;
        const { stateVersion } = kind;
        kept.set(keyOf(kind), stream, { stateVersion, version, hash, state: JSON.stringify(state) });
      }
    },
    async discard(kind, streams) {
      for (const [stream, { version, hash }] of streams) {
        const one = kept.get(keyOf(kind), stream);
        if (one?.version === version && one.hash === hash) kept.delete(keyOf(kind), stream);
      }
    },
    async dropAll() {
      generation += 1;
      kept = new StreamMap();
    },
  };
}
