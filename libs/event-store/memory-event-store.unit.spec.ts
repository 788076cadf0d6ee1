import { eventStoreConformance } from './conformance';
import { createMemoryEventStore } from './memory-event-store';

describe('the event store in memory', () => {
  const store = createMemoryEventStore();
  eventStoreConformance(() => store);
});
