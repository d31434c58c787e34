/** Result codes of SQLite for a value that a unique column already has. */
const SQLITE_DUPLICATES = new Set([1555, 2067]);

/** Of node and MySQL: the connection, not the statement, is at fault. */
const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_SERVER_SHUTDOWN',
]);

/** Whether a row was refused because another one has the same unique value. */
export function isDuplicate(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  return code === 'ER_DUP_ENTRY' || SQLITE_DUPLICATES.has(Number(errcode));
}

/** Whether the database is away or too busy, so that the same call may succeed in a while. */
export function isAway(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return AWAY.has(String(code)) || String(message).includes('closed state');
}
