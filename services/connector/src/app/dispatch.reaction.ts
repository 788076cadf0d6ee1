import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { BUS, done, type BusMessage, type Outcome } from '#libs/bus';
import { JobQueue } from '#libs/jobs';
import { JOBS } from '#libs/service';
import { actionJob } from './action-job';

/** Takes over what the orchestrator dispatched: every action becomes a leased job (no call is made in a handler). */
@Controller()
export class DispatchReaction {
  constructor(@Inject(JOBS) private readonly jobs: JobQueue) {}

  @EventPattern('countersign.run', BUS, { batch: 200, types: ['ActionDispatched'] })
  async onRun(messages: BusMessage[]): Promise<Outcome[]> {
    await this.jobs.schedule(messages.map(actionJob));
    return messages.map(() => done);
  }
}
