import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres';

const folder = join(mkdtempSync(join(tmpdir(), 'countersign-pg-')), 'postgres');
afterAll(() => removeEmbeddedPostgres(folder));

it('starts a PostgreSQL 18 that one can log in to, and stops it', async () => {
  const server = await startEmbeddedPostgres({ folder });
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  const { rows } = await client.query('show server_version');
  await client.end();
  expect(rows[0].server_version).toMatch(/^18\./);
  await server.stop();
  await expect(new Client({ connectionString: server.url() }).connect()).rejects.toThrow(/ECONNREFUSED/);
});
