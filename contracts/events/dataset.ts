import Type from 'typebox';
import { Closed, Digest, Literals, Text, Uuid } from '../schema';
import { eventContracts, type EventOf } from './event';

/** Stream `dataset-<datasetId>`; the id is v5 of tenant and file name. The entries stay in the file; the digest pins them. */
export const datasetEvents = eventContracts('dataset', {
  DatasetLoaded: Closed({
    datasetId: Uuid,
    name: Text(200),
    kind: Literals('warninglist', 'verdicts'),
    digest: Digest,
    entries: Type.Integer({ minimum: 0 }),
  }),
  DatasetRefused: Closed({ datasetId: Uuid, name: Text(200), reason: Text(2000) }),
  DatasetRemoved: Closed({ datasetId: Uuid, name: Text(200) }),
});
export type DatasetEvent = EventOf<typeof datasetEvents>;
