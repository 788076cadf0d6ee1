import type { MigrationInterface, QueryRunner } from 'typeorm';

export class TreeNodes1764200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table tree_node (
        level smallint not null,
        index bigint not null,
        root bytea not null,
        -- The event of its last leaf.
        tx xid8 not null,
        position bigint not null,
        primary key (level, index)
      )
    `);
    await runner.query('create index tree_node_place on tree_node (level, tx, position)');
    // It is built again from the beginning, with its nodes.
    await runner.query('delete from tree_state');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table tree_node');
  }
}
