import type { PersonalDataErased } from '#contracts/events/audit';
import { done, inKeyOrder, retry, type BusMessage, type Outcome } from '#libs/bus';
import type { ServiceContext } from './service-definition';

const LOOK_AGAIN_MS = 500;

/**
 * For `@EventPattern('countersign.audit', BUS, ...)` of a service that keeps personal data in the open: has each erasure
 * forgotten there, snapshots too, once this process has let go of the keys, so that nothing brings it back.
 */
export function forgetErased(
  { personal, personalKeys, snapshots }: Pick<ServiceContext, 'personal' | 'personalKeys' | 'snapshots'>,
  messages: BusMessage[],
  forget: (erased: PersonalDataErased, tenant: string) => Promise<void>,
): Promise<Outcome[]> {
  return inKeyOrder(messages, async ({ type, data, tenant }) => {
    if (type !== 'PersonalDataErased') return done;
    // By its contract, which the ledger service has written it by.
    const erased = data as unknown as PersonalDataErased;
    personalKeys.look();
    if (!personal.areDestroyed(erased.keys)) return retry(LOOK_AGAIN_MS, 'The keys are still there');
    await snapshots.dropAll();
    await forget(erased, tenant);
    return done;
  });
}
