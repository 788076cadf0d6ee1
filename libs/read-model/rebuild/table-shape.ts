import type { EntityManager } from 'typeorm';
import { DomainError } from '#libs/kernel';

/** What has to be the same on a table that takes another's place. Names of constraints, indexes and policies are quoted. */
export interface TableShape {
  readonly columns: readonly Column[];
  /** Of the primary key, in its order. */
  readonly key: readonly Column[];
  readonly constraints: readonly { readonly name: string; readonly definition: string }[];
  /** Those that no constraint has made, as `create index` statements. */
  readonly indexes: readonly string[];
  /** How those statements name the table. */
  readonly qualifiedName: string;
  /** Storage parameters: `fillfactor=90`. */
  readonly options: readonly string[];
  readonly rowSecurity: boolean;
  readonly policies: readonly string[];
  readonly grants: readonly { readonly grantee: string; readonly privilege: string }[];
  /** What a copy would lack: triggers, foreign keys and views. */
  readonly obstacles: readonly string[];
}

export interface Column {
  readonly name: string;
  /** As SQL names it: `timestamp(3) with time zone`. */
  readonly type: string;
}

const MADE_BY_CONSTRAINT = `('p', 'u', 'x')`;

const SHAPE = `
  select jsonb_build_object(
    'columns', (
      select jsonb_agg(jsonb_build_object('name', attname, 'type', format_type(atttypid, atttypmod)) order by attnum)
      from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped),
    'key', (
      select coalesce(jsonb_agg(
        jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by k.place), '[]')
      from pg_index i
        cross join unnest(i.indkey::int2[]) with ordinality k (attnum, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
      where i.indrelid = c.oid and i.indisprimary),
    'constraints', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', quote_ident(conname), 'definition', pg_get_constraintdef(oid)) order by conname), '[]')
      from pg_constraint where conrelid = c.oid and contype in ${MADE_BY_CONSTRAINT}),
    'indexes', (
      select coalesce(jsonb_agg(pg_get_indexdef(indexrelid) order by indexrelid), '[]')
      from pg_index i where indrelid = c.oid
        and not exists (select from pg_constraint where conindid = i.indexrelid and contype in ${MADE_BY_CONSTRAINT})),
    'qualifiedName', format('%I.%I', c.relnamespace::regnamespace::text, c.relname),
    'options', coalesce(to_jsonb(c.reloptions), '[]'),
    'rowSecurity', c.relrowsecurity,
    'policies', (
      select coalesce(jsonb_agg(format('%I on %%s as %s for %s to %s%s%s', policyname, permissive, cmd,
        (select string_agg(case role when 'public' then role else quote_ident(role) end, ', ') from unnest(roles) role),
        ' using (' || qual || ')', ' with check (' || with_check || ')') order by policyname), '[]')
      from pg_policies where schemaname = c.relnamespace::regnamespace::text and tablename = c.relname),
    'grants', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'grantee', case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
        'privilege', privilege_type) order by grantee, privilege_type), '[]')
      from aclexplode(c.relacl) where grantee <> c.relowner),
    'obstacles', (
      select coalesce(jsonb_agg(what), '[]') from (
        select 'trigger ' || tgname as what from pg_trigger where tgrelid = c.oid and not tgisinternal
        union all
        select 'foreign key ' || conname from pg_constraint
        where contype = 'f' and c.oid in (conrelid, confrelid)
        union all
        select distinct 'view ' || ev_class::regclass from pg_depend join pg_rewrite r on r.oid = objid
        where classid = 'pg_rewrite'::regclass and refobjid = c.oid and ev_class <> c.oid) as found)
  ) as shape
  from pg_class c where c.oid = to_regclass($1)`;

/**
 * @throws DomainError('invalid_configuration') when there is no such table, or one that cannot be put in another's place.
 */
export async function readShape(db: Pick<EntityManager, 'query'>, schema: string, table: string): Promise<TableShape> {
  const rows: { shape: TableShape }[] = await db.query(SHAPE, [`"${schema}"."${table}"`]);
  const refused = (reason: string) => new DomainError('invalid_configuration', { field: `${schema}.${table}`, reason });
  const shape = rows[0]?.shape;
  if (!shape) throw refused("is not there: run 'countersign migrate' first");
  if (shape.key.length === 0) throw refused('cannot be rebuilt: it has no primary key');
  if (shape.obstacles.length > 0) throw refused(`cannot be rebuilt: it has ${shape.obstacles.join(', ')}`);
  return shape;
}

/** The statements that make an empty table in `target` of the same name, shape, security and privileges. */
export function copyStatements(shape: TableShape, schema: string, target: string, table: string): string[] {
  const [source, copy] = [`"${schema}"."${table}"`, `"${target}"."${table}"`];
  return [
    `create table ${copy} (like ${source} including all excluding indexes)`,
    ...shape.constraints.map(({ name, definition }) => `alter table ${copy} add constraint ${name} ${definition}`),
    ...shape.indexes.map((statement) => elsewhere(statement, shape.qualifiedName, copy)),
    ...(shape.options.length > 0 ? [`alter table ${copy} set (${shape.options.join(', ')})`] : []),
    ...(shape.rowSecurity ? [`alter table ${copy} enable row level security`] : []),
    ...shape.policies.map((policy) => `create policy ${policy.replace('%s', () => copy)}`),
    ...shape.grants.map(({ grantee, privilege }) => `grant ${privilege} on ${copy} to ${grantee}`),
  ];
}

function elsewhere(createIndex: string, from: string, to: string): string {
  const statement = createIndex.replace(` ON ${from} USING `, () => ` ON ${to} USING `);
  if (statement === createIndex) throw new Error(`unexpected definition of an index: ${createIndex}`);
  return statement;
}
