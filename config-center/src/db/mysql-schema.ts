import { type Kysely, sql } from 'kysely';

const RESOURCE = `id varchar(40) primary key, created_at varchar(30) not null, updated_at varchar(30) not null`;
const SWITCHED = `${RESOURCE}, is_enabled bigint not null`;

/** What the first two migrations make of SQLite, for MySQL and MariaDB, which joined later. Tables before their users. */
const TABLES = [
  `namespace (${SWITCHED}, code varchar(50) not null unique, name varchar(100) not null,
    description varchar(500) not null, auth_mode varchar(10) not null, max_wait_ms bigint not null default 0,
    max_waiting bigint not null default 100, weight bigint not null default 1)`,
  `matcher (${SWITCHED}, namespace_id varchar(40) not null, source varchar(10) not null, field varchar(200) not null,
    operator varchar(30) not null, value varchar(2000) not null, priority bigint not null,
    foreign key (namespace_id) references namespace (id))`,
  `policy (${SWITCHED}, namespace_id varchar(40), name varchar(100) not null, description varchar(500) not null,
    priority bigint not null, mode varchar(10) not null, on_limiter_down varchar(10) not null, scope longtext not null,
    count_per longtext not null, rule longtext not null, foreign key (namespace_id) references namespace (id))`,
  `provider (${SWITCHED}, name varchar(50) not null unique, dialect varchar(20) not null, api_key_env varchar(100),
    models longtext not null, priority bigint not null)`,
  `upstream (${SWITCHED}, provider_id varchar(40) not null, base_url varchar(500) not null, weight bigint not null,
    connect_timeout_ms bigint not null, first_byte_timeout_ms bigint not null, idle_timeout_ms bigint not null,
    total_timeout_ms bigint not null, foreign key (provider_id) references provider (id))`,
  `virtual_key (${SWITCHED}, name varchar(100) not null, prefix varchar(20) not null,
    secret_hash varchar(64) not null unique, namespace_ids longtext not null, expires_at varchar(30),
    tenant_id varchar(40), customer_type_id varchar(40))`,
  `customer_type (${RESOURCE}, name varchar(100) not null unique)`,
  `tenant (${RESOURCE}, name varchar(100) not null unique, customer_type_id varchar(40),
    foreign key (customer_type_id) references customer_type (id))`,
  `price (${RESOURCE}, provider_id varchar(40) not null, model varchar(128) not null,
    input_per_million varchar(20) not null, output_per_million varchar(20) not null,
    foreign key (provider_id) references provider (id))`,
  `layered_limit (${SWITCHED}, target_type varchar(20) not null, target_id varchar(40), provider_id varchar(40),
    model varchar(128), on_limiter_down varchar(10) not null, count_per varchar(10) not null, \`limit\` longtext not null,
    foreign key (provider_id) references provider (id))`,
  `revision (revision bigint primary key auto_increment, created_at varchar(30) not null, sha256 varchar(64) not null,
    content longtext not null)`,
  'meta (name varchar(50) primary key, value varchar(500) not null)',
  `login_code (code_hash varchar(64) primary key, expires_at_ms bigint not null, used_at_ms bigint)`,
  `session (id_hash varchar(64) primary key, administrator varchar(100) not null, last_seen_at_ms bigint not null,
    expires_at_ms bigint not null)`,
];

/** Each statement is committed by itself; all may be repeated, so a start that was broken off is completed by the next. */
export async function createMysqlSchema(db: Kysely<unknown>): Promise<void> {
  const options = await tableOptions(db);
  for (const table of TABLES) await sql.raw(`create table if not exists ${table} ${options}`).execute(db);
}

/** Texts are equal when their bytes are, as in SQLite: neither case nor trailing spaces are overlooked. */
export async function tableOptions(db: Kysely<unknown>): Promise<string> {
  const { rows } = await sql<{ version: string }>`select version() as version`.execute(db);
  const collation = rows[0]?.version.includes('MariaDB') ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin';
  return `engine = InnoDB default character set utf8mb4 collate ${collation}`;
}
