import { Client } from 'pg';
import { DomainError } from '#libs/kernel';

/**
 * Runs `work` on a connection as the owner.
 * @param variable names the setting that holds `url`, for the error.
 * @throws DomainError('database_unavailable') or ('invalid_configuration') when it cannot connect.
 */
export async function connected<T>(url: string, variable: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: url,
    application_name: 'countersign migrate',
    connectionTimeoutMillis: 10_000,
  });
  // A connection that breaks off rejects the query; as an event without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    await client.end().catch(() => undefined);
    throw unreachable(variable, cause);
  }
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** PostgreSQL's classes 28 (login refused) and 3D (no such database) are settings to correct; all else may pass. */
function unreachable(field: string, cause: unknown): DomainError {
  const { code, message } = cause as { code?: unknown; message?: unknown };
  const text = typeof message === 'string' && message !== '' ? message : String(code ?? cause);
  const wrong = typeof code === 'string' && /^(28|3D)/.test(code);
  return new DomainError(wrong ? 'invalid_configuration' : 'database_unavailable', {
    field,
    reason: wrong ? `the database refuses it: ${text}` : `the database cannot be reached: ${text}`,
    cause,
  });
}
