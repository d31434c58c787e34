import { readFileSync } from 'node:fs';
import { type Dialect, Kysely, MysqlDialect, sql } from 'kysely';
import { createPool, type PoolOptions } from 'mysql2';

const CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_SECONDS = 10;
/** Longer than any statement of ours takes, an index over a long table included. */
const STATEMENT_TIMEOUT_SECONDS = 60;

/** Parameters of the URL that are known. */
export const MYSQL_PARAMETERS: readonly string[] = ['ssl', 'ssl-ca'];

/** Without it a value that does not fit would be cut off silently. */
const SQL_MODE = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO';

/** Kysely on MySQL 8 or MariaDB 10.11, whatever the server's own defaults are. */
export function mysqlDialect(url: URL): Dialect {
  const pool = createPool({
    host: url.hostname.replaceAll(/[[\]]/g, ''),
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: databaseIn(url),
    charset: 'utf8mb4',
    timezone: 'Z',
    connectionLimit: CONNECTIONS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAliveInitialDelay: 10_000,
    ...tlsOf(url),
  });
  return new MysqlDialect({
    pool,
    async onCreateConnection(connection) {
      const run = (text: string) => connection.executeQuery(sql.raw(text).compile(COMPILER));
      await run('set session transaction isolation level repeatable read');
      await run(
        `set session sql_mode = '${SQL_MODE}', time_zone = '+00:00', innodb_lock_wait_timeout = ${LOCK_TIMEOUT_SECONDS}`,
      );
      // MariaDB counts seconds of every statement, MySQL milliseconds of those that read; each skips the other's line.
      await run(`/*M! set session max_statement_time = ${STATEMENT_TIMEOUT_SECONDS} */`);
      await run(`/*!50708 set session max_execution_time = ${STATEMENT_TIMEOUT_SECONDS * 1000} */`);
    },
  });
}

/** Only turns statements into text, and never connects. */
const COMPILER = new Kysely<unknown>({
  dialect: new MysqlDialect({ pool: () => Promise.reject(new Error('unused')) }),
});

/**
 * `ssl=true`: encrypted, the server's certificate checked against the authorities of the system; `ssl-ca`: against those
 * of a PEM file.
 */
function tlsOf({ searchParams }: URL): Pick<PoolOptions, 'ssl'> {
  const file = searchParams.get('ssl-ca');
  if (file === null && searchParams.get('ssl') !== 'true') return {};
  return { ssl: { rejectUnauthorized: true, minVersion: 'TLSv1.2', ...(file !== null && { ca: readFileSync(file) }) } };
}

/** Name of the database that the URL leads to. */
export function databaseIn(url: URL): string {
  return decodeURIComponent(url.pathname.slice(1));
}
