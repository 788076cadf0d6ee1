import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DataSource } from 'typeorm';
import { Telemetry } from '#libs/telemetry';
import { ServiceMetrics } from './metrics';
import { OperationsController, ReadinessChecks } from './operations.controller';
import type { ServiceContext, ServiceDefinition } from './service-definition';
import { BUS_PUBLISHER, CLOCK, EVENT_STORE, JOBS, READ_MODELS, SERVICE_CONFIG, SERVICE_CONTEXT } from './tokens';

/** The root of a service's Nest application: the service's own module, and around it what every service has. */
@Module({})
export class ServiceModule {
  static of(definition: ServiceDefinition, context: ServiceContext, readiness: ReadinessChecks): DynamicModule {
    const providers: Provider[] = [
      { provide: SERVICE_CONTEXT, useValue: context },
      { provide: SERVICE_CONFIG, useValue: context.config },
      { provide: EVENT_STORE, useValue: context.store },
      { provide: BUS_PUBLISHER, useValue: context.publisher },
      { provide: JOBS, useValue: context.jobs },
      { provide: CLOCK, useValue: context.clock },
      { provide: READ_MODELS, useValue: context.readModels },
      { provide: DataSource, useValue: context.database },
      { provide: Telemetry, useValue: context.telemetry },
      { provide: ServiceMetrics, useValue: context.metrics },
      { provide: ReadinessChecks, useValue: readiness },
    ];
    return {
      module: ServiceModule,
      global: true,
      imports: [TerminusModule.forRoot({ logger: false }), definition.module(context)],
      controllers: [OperationsController],
      providers,
      exports: providers.map((provider) => ('provide' in provider ? provider.provide : provider)),
    };
  }
}
