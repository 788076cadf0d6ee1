import { Readable } from 'node:stream';
import type { AuditReport } from '#contracts/audit';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { verifyExport } from '#libs/audit';
import { createLogger, type RunningService, startService, startTestIssuer, type TestIssuer } from '#libs/service';
import { loadRootPublicKey } from '#libs/warrant';
import { service as definition } from '#services/ledger';

/** The ledger's service on some server, with the keys of `folder`. It signs when it is asked to, and as it stops. */
export class LedgerService {
  private constructor(
    private readonly service: RunningService,
    private readonly issuer: TestIssuer,
  ) {}

  /** @param ledgerUrl as `countersign_app`. */
  static async start(ledgerUrl: string, folder: string): Promise<LedgerService> {
    const issuer = await startTestIssuer();
    const env = {
      COUNTERSIGN_PROFILE: 'development',
      COUNTERSIGN_DATA: folder,
      LEDGER_URL: ledgerUrl,
      LEDGER_PORT: '0',
      OIDC_ISSUER: issuer.url,
      LEDGER_CHECKPOINT_SECONDS: '3600',
      LEDGER_CHECKPOINT_IDLE_MS: '3600000',
    };
    try {
      const service = await startService(definition, { env, logger: createLogger('silent') });
      return new LedgerService(service, issuer);
    } catch (error) {
      await issuer.stop();
      throw error;
    }
  }

  async sign(): Promise<CheckpointSigned> {
    const checkpoint: CheckpointSigned = JSON.parse(await this.ask('POST', '/v1/audit/checkpoints'));
    return checkpoint;
  }

  async verify(): Promise<AuditReport> {
    const report: AuditReport = JSON.parse(await this.ask('GET', '/v1/audit/verify'));
    return report;
  }

  /** Exports the ledger, and verifies the export with a checkpoint that was kept elsewhere. */
  async verifyExport(witness: CheckpointSigned): Promise<AuditReport> {
    const exported = await this.ask('GET', '/v1/audit/export');
    const rootPublicKey = await loadRootPublicKey(this.service.context.settings);
    return verifyExport(Readable.from([Buffer.from(exported)]), { rootPublicKey, witness });
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.issuer.stop();
  }

  private async ask(method: string, path: string): Promise<string> {
    const headers = await this.issuer.headersFor('audrey');
    const answer = await fetch(`${this.service.url}${path}`, { method, headers });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text;
  }
}
