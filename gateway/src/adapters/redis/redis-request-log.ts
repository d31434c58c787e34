import { REQUEST_LOG_STREAM } from '@ai-gateway/contracts';
import type { ShipRecords } from '../request-log-outbox.ts';
import type { RedisClient } from './scripts.ts';

/** Batches that may wait in Redis for a config center: some 200,000 records. Beyond it the gateway keeps its own. */
const LARGEST_BACKLOG = 1_000;

/**
 * Leaves records in a stream, from which config centers take them. A full stream is no place for more: gateways count
 * what they drop, Redis would not. MAXLEN only guards against gateways that look at the same moment.
 */
export function redisRequestLog(client: RedisClient): ShipRecords {
  return async (records) => {
    const backlog = await client.xlen(REQUEST_LOG_STREAM);
    if (backlog >= LARGEST_BACKLOG) throw new Error(`${backlog} batches wait for a config center`);
    const batch = JSON.stringify({ records });
    await client.xadd(REQUEST_LOG_STREAM, 'MAXLEN', '~', 2 * LARGEST_BACKLOG, '*', 'batch', batch);
  };
}
