import { type GatewayReport, REPORTS_KEY, REPORTS_LIFE_SECONDS } from '@ai-gateway/contracts';
import type { RedisClient } from './scripts.ts';

/** Leaves reports in Redis, where every config center finds them, also one that this gateway cannot reach. */
export function redisReport(client: RedisClient): (report: GatewayReport) => Promise<void> {
  return async (report) => {
    await client.hset(REPORTS_KEY, report.instanceId, JSON.stringify(report));
    await client.expire(REPORTS_KEY, REPORTS_LIFE_SECONDS);
  };
}
