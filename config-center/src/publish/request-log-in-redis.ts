import { hostname } from 'node:os';
import { REQUEST_LOG_GROUP, REQUEST_LOG_STREAM, requestLogBatch } from '@ai-gateway/contracts';
import type { Logger } from 'pino';
import type { RedisClient } from './redis.ts';
import type { RequestLogIntake } from './request-log-intake.ts';

export interface RequestLogInRedisOptions {
  readonly client: RedisClient;
  readonly intake: RequestLogIntake;
  readonly log: Logger;
  /** After this a batch that was taken and not written is taken again, ms. */
  readonly claimMs?: number;
}

const PERIOD_MS = 500;

/** Batches that are read at once. */
const READ_AT_ONCE = 10;

const CLAIM_MS = 10_000;

type Entry = readonly [id: string, fields: readonly string[] | null];

/**
 * Takes what gateways leave in Redis. An entry is deleted once its records are in SQL; until then it stays, whoever
 * fails. A record that comes twice is written once.
 */
export function requestLogInRedis({ client, intake, log, claimMs = CLAIM_MS }: RequestLogInRedisOptions): {
  close(): void;
} {
  const consumer = `${hostname()} ${process.pid}`;
  const of = [REQUEST_LOG_STREAM, REQUEST_LOG_GROUP] as const;

  async function readAll(): Promise<void> {
    await createGroup();
    const claimed = await client.xautoclaim(...of, consumer, claimMs, '0', 'COUNT', READ_AT_ONCE);
    await keep((claimed as [string, Entry[]])[1]);
    for (let isMore = true; isMore; ) {
      const entries = await readNew();
      await keep(entries);
      isMore = entries.length === READ_AT_ONCE;
    }
  }

  async function readNew(): Promise<readonly Entry[]> {
    const [stream, group] = of;
    const read = await client.xreadgroup('GROUP', group, consumer, 'COUNT', READ_AT_ONCE, 'STREAMS', stream, '>');
    return (read as [string, Entry[]][] | null)?.[0]?.[1] ?? [];
  }

  /** Each time anew: the stream may have been wiped. */
  async function createGroup(): Promise<void> {
    try {
      await client.xgroup('CREATE', ...of, '0', 'MKSTREAM');
    } catch (error) {
      if (!String(error).includes('BUSYGROUP')) throw error;
    }
  }

  async function keep(entries: readonly Entry[]): Promise<void> {
    for (const [id, fields] of entries) {
      const batch = requestLogBatch.safeParse(parsed(fields?.[1]));
      if (batch.success) await intake(batch.data.records);
      else log.warn({ entry: id }, 'a batch of the request log is not valid and is passed over');
      await client.xack(...of, id);
      await client.xdel(REQUEST_LOG_STREAM, id);
    }
  }

  let isBusy = false;
  let said = '';
  const timer = setInterval(() => {
    if (isBusy || client.status !== 'ready') return;
    isBusy = true;
    readAll()
      .then(
        () => {
          said = '';
        },
        (error: unknown) => {
          if (said === String(error)) return;
          said = String(error);
          log.warn({ error: said }, 'the request log cannot be taken from Redis now');
        },
      )
      .finally(() => {
        isBusy = false;
      });
  }, PERIOD_MS);
  return { close: () => clearInterval(timer) };
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
