import { gatewayReport, REPORTS_KEY } from '@ai-gateway/contracts';
import type { LiveRates } from '../domain/live-rates.ts';
import type { RedisClient } from './redis.ts';

const PERIOD_MS = 1_000;

/** A report that has not changed for so long is of a gateway that has ended. */
const FORGET_MS = 60_000;

export interface ReportsInRedisOptions {
  readonly client: RedisClient;
  readonly live: LiveRates;
  readonly nowMs: () => number;
}

/** Reads what gateways leave in Redis, so that every config center shows all of them. */
export function reportsInRedis({ client, live, nowMs }: ReportsInRedisOptions): { close(): void } {
  let seen = new Map<string, { readonly text: string; readonly sinceMs: number }>();

  async function read(): Promise<void> {
    const found = Object.entries(await client.hgetall(REPORTS_KEY));
    const now = nowMs();
    const before = seen;
    seen = new Map(
      found.map(([instanceId, text]) => {
        const last = before.get(instanceId);
        return [instanceId, last?.text === text ? last : { text, sinceMs: now }];
      }),
    );
    for (const [instanceId, { text, sinceMs }] of seen) {
      // One that is seen for the first time may be old; it counts once it changes, a second later.
      if (sinceMs === now && before.has(instanceId)) add(text, now);
      if (sinceMs < now - FORGET_MS) await client.hdel(REPORTS_KEY, instanceId);
    }
  }

  function add(text: string, now: number): void {
    const report = gatewayReport.safeParse(parsed(text));
    if (report.success) live.add(report.data, undefined, now);
  }

  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    read()
      .catch(() => {})
      .finally(() => {
        isBusy = false;
      });
  }, PERIOD_MS);
  return { close: () => clearInterval(timer) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
