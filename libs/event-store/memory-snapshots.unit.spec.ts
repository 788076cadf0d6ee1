import { createMemoryEventStore } from './memory-event-store';
import { createMemorySnapshots } from './memory-snapshots';
import { snapshotsConformance } from './conformance-snapshots';

const store = createMemoryEventStore();

describe('snapshots in memory', () =>
  snapshotsConformance(
    () => store,
    (every) => createMemorySnapshots({ every }),
  ));
