import { EMPTY_DATABASE, usePostgres } from './postgres';

const postgres = usePostgres(EMPTY_DATABASE);

describe('usePostgres', () => {
  it("logs in as each service's own role", async () => {
    const { rows } = await postgres.pool('playbook-orchestrator').query('select current_user as role');
    expect(rows).toEqual([{ role: 'countersign_playbook_orchestrator' }]);
  });

  it('lets the owner, and nobody else, make schemas', async () => {
    await postgres.ownerPool().query('create schema ledger');
    await expect(postgres.pool('case').query('create schema other')).rejects.toThrow(/permission denied/);
  });

  describe('in a describe of its own', () => {
    const other = usePostgres({
      key: 'a table with one row',
      prepare: async ({ ownerUrl }) => {
        const { Client } = await import('pg');
        const client = new Client({ connectionString: ownerUrl });
        await client.connect();
        await client.query('create table marker as select 1 as one');
        await client.end();
      },
    });

    it('has a database of its own, copied from the template', async () => {
      expect(other.database).not.toBe(postgres.database);
      expect((await other.ownerPool().query('select one from marker')).rows).toEqual([{ one: 1 }]);
    });
  });
});
