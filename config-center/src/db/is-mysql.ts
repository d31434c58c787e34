import { type Kysely, MysqlAdapter } from 'kysely';

/** Whether a connection leads to MySQL or MariaDB, else it is SQLite. */
export function isMysql<Schema>(db: Kysely<Schema>): boolean {
  return db.getExecutor().adapter instanceof MysqlAdapter;
}
