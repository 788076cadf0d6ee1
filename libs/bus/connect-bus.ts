import { Catch, type INestApplication, type RpcExceptionFilter } from '@nestjs/common';
import { NestMicroservice } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import { DomainError } from '#libs/kernel';
import type { BusServer } from './bus-server';

/** Without it Nest flattens every error of a handler to `{status: 'error', message: 'Internal server error'}`. */
@Catch()
class RethrowToBus implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/**
 * Makes the `@EventPattern(topic, BUS)` methods of `app` the handlers of `server`. They get none of the application's
 * global filters, guards, pipes and interceptors, which are for HTTP. `app.startAllMicroservices()` then begins to
 * deliver, and `app.close()` drains. Call it after every module of the application has been created.
 */
export function connectBus(app: INestApplication, server: BusServer): void {
  const microservice = app.connectMicroservice(
    { strategy: server },
    { inheritAppConfig: false, deferInitialization: true },
  );
  if (!(microservice instanceof NestMicroservice)) {
    throw new DomainError('internal', 'Nest has made something else than its own NestMicroservice');
  }
  microservice.useGlobalFilters(new RethrowToBus());
  // Initialized by hand: Nest would do it before a filter can be given, or run the application's hooks a second time.
  microservice.registerListeners();
  microservice.setIsInitialized(true);
  microservice.setIsInitHookCalled(true);
}
