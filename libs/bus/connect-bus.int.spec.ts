import { type ArgumentsHost, Catch, Controller, type ExceptionFilter, Injectable, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import pino from 'pino';
import { ALERTS_TOPIC } from '#contracts/topics';
import { createMemoryEventStore } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { useMigratedPostgres } from '#libs/testing';
import { connectBus } from './connect-bus';
import { message } from './conformance/bus-fixture';
import { createBus } from './create-bus';
import { DeadLetters } from './dead-letters';
import { eventually } from './conformance/eventually';
import { BUS, done, type BusMessage, type Outcome } from './port';

const postgres = useMigratedPostgres();

/** As in every service: filters and guards that stand for HTTP and must not touch what comes by the bus. */
@Catch()
class HttpOnlyFilter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<{ status(code: number): void }>().status(500);
  }
}
@Injectable()
class NobodyMayEnter {
  canActivate(): boolean {
    return false;
  }
}

@Injectable()
class Memory {
  readonly batches: string[][] = [];
  starts = 0;
  onModuleInit(): void {
    this.starts += 1;
  }
}

@Controller()
class Reactions {
  constructor(private readonly memory: Memory) {}

  @EventPattern(ALERTS_TOPIC, BUS, { batch: 2 })
  async onAlerts(messages: BusMessage[]): Promise<Outcome[]> {
    this.memory.batches.push(messages.map(({ key }) => key));
    if (messages.some(({ key }) => key === 'bad')) {
      throw new DomainError('unknown_event_type', { field: 'type', reason: 'is none that this handler knows' });
    }
    return messages.map(() => done);
  }
}

@Module({
  controllers: [Reactions],
  providers: [
    Memory,
    { provide: APP_FILTER, useClass: HttpOnlyFilter },
    { provide: APP_GUARD, useClass: NobodyMayEnter },
  ],
})
class Service {}

describe('a Nest application on the bus', () => {
  it("hands batches to @EventPattern methods and learns their errors' codes", async () => {
    const logger = pino({ level: 'silent' });
    const store = createMemoryEventStore();
    const bus = createBus({ kind: 'postgres', service: 'case', store, pool: postgres.pool('case'), logger });
    const ingest = createBus({ kind: 'postgres', service: 'ingest', store, pool: postgres.pool('ingest'), logger });
    await ingest.publisher.publish(['a', 'b', 'bad', 'c', 'd'].map((key) => message(`${key}-1`)));

    const app = await NestFactory.create(Service, new FastifyAdapter(), { logger: false });
    connectBus(app, bus.server());
    await app.startAllMicroservices();
    await app.init();
    const memory = app.get(Memory);
    await eventually(() => expect(memory.batches.flat()).toContain('d'));
    await app.close();

    expect(memory.batches[0]).toEqual(['a', 'b']);
    expect(memory.starts).toBe(1);
    const { items } = await new DeadLetters(postgres.pool('ledger')).list({ tenant: 'default', limit: 10 });
    expect(items).toMatchObject([{ key: 'bad', code: 'unknown_event_type', field: 'type' }]);
    await ingest.stop();
  });

  it('refuses two handlers of one topic, and a topic that does not exist', () => {
    const store = createMemoryEventStore();
    const pool = postgres.pool('case');
    const server = createBus({
      kind: 'postgres',
      service: 'case',
      store,
      pool,
      logger: pino({ level: 'silent' }),
    }).server();
    const handler = () => Promise.resolve([done]);
    server.addHandler(ALERTS_TOPIC, handler, true);
    expect(() => server.addHandler(ALERTS_TOPIC, handler, true)).toThrow(/already/);
    expect(() => server.addHandler('countersign.allerts', handler, true)).toThrow(/is not a topic/);
  });
});
