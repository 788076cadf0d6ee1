import { chmodSync, lchownSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmbeddedPostgres } from '#libs/local';
import type { PostgresTools } from '#libs/testing';

/** A server on a base backup of another one that runs. */
export async function copyServer(postgres: PostgresTools, server: EmbeddedPostgres): Promise<EmbeddedPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-copy-'));
  const dataFolder = join(folder, 'data');
  await postgres.run('pg_basebackup', `--dbname=${server.url()}`, `--pgdata=${dataFolder}`, '--checkpoint=fast');
  // Under root, PostgreSQL runs as another user, who must reach and own it.
  const { uid, gid } = statSync(server.dataFolder);
  chmodSync(folder, 0o755);
  lchownSync(dataFolder, uid, gid);
  for (const path of readdirSync(dataFolder, { recursive: true })) lchownSync(join(dataFolder, String(path)), uid, gid);
  const { superuser, password } = server;
  writeFileSync(join(folder, 'server.json'), JSON.stringify({ folder, dataFolder, superuser, password, port: 0 }));
  return postgres.startServer(folder);
}
