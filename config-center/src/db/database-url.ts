import { type Dialect, type QueryExecutorProvider, sql } from 'kysely';
import { databaseIn, MYSQL_PARAMETERS, mysqlDialect } from './mysql.ts';
import { nodeSqliteDialect } from './node-sqlite.ts';

/** What `DATABASE_URL` may be. */
export const DATABASE_URL_FORMS =
  'sqlite:<path of the file> or mysql://user:password@host:port/database, with ?ssl=true or ?ssl-ca=<file> for TLS';

/** Whether a URL names a database of a kind that is known. */
export function isDatabaseUrl(url: string): boolean {
  if (url.startsWith('sqlite:')) return url.length > 'sqlite:'.length;
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, pathname, searchParams } = new URL(url);
  const isKnown = [...searchParams.keys()].every((name) => MYSQL_PARAMETERS.includes(name));
  const isSsl = ['true', 'false'].includes(searchParams.get('ssl') ?? 'false');
  return protocol === 'mysql:' && hostname !== '' && /^\/[^/]+$/.test(pathname) && isKnown && isSsl;
}

/**
 * The dialect of a checked `DATABASE_URL`.
 * @throws Error when it names a file that cannot be opened
 */
export function dialectOf(url: string): Dialect {
  try {
    if (!url.startsWith('sqlite:')) return mysqlDialect(new URL(url));
    return nodeSqliteDialect(url.slice('sqlite:'.length));
  } catch (error) {
    throw new Error(`DATABASE_URL: ${faultOf(error, url)}`);
  }
}

/**
 * Asks the database for an answer.
 * @throws Error that says what is wrong with `DATABASE_URL`, without its password
 */
export async function checkDatabase(connection: QueryExecutorProvider, url: string): Promise<void> {
  try {
    await sql`select 1`.execute(connection);
  } catch (error) {
    throw new Error(`DATABASE_URL: ${faultOf(error, url)}`);
  }
}

function faultOf(error: unknown, url: string): string {
  const { code, message } = error as { code?: string; message?: string };
  if (url.startsWith('sqlite:')) return `${url.slice('sqlite:'.length)} cannot be opened: ${message}`;
  const { host, username } = new URL(url);
  const database = databaseIn(new URL(url));
  switch (code) {
    case 'ER_ACCESS_DENIED_ERROR':
      return `${host} refuses the user "${username}" or its password.`;
    case 'ER_DBACCESS_DENIED_ERROR':
      return `${host} does not let the user "${username}" use the database "${database}".`;
    case 'ENOENT':
    case 'EACCES':
      return `The file of ssl-ca cannot be read (${code}).`;
    case 'HANDSHAKE_NO_SSL_SUPPORT':
      return `${host} does not offer TLS.`;
    case 'HANDSHAKE_SSL_ERROR':
      return `The certificate of ${host} is not accepted: ${message}.`;
    case 'ER_BAD_DB_ERROR':
      return `There is no database "${database}" on ${host}.`;
    default:
      return `There is no answer from ${host} (${code ?? message}).`;
  }
}
