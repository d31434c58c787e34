import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readSettings } from '@ai-gateway/contracts';
import { type Logger, pino } from 'pino';
import { configCenterApp } from './app.ts';
import { lockout } from './auth/lockout.ts';
import { type Sessions, sessions } from './auth/sessions.ts';
import { forgetAudit } from './db/audit.ts';
import { openStore } from './db/store.ts';
import { type LiveRates, liveRates } from './domain/live-rates.ts';
import { type Publisher, publisher } from './publish/publisher.ts';
import { openRedis } from './publish/redis.ts';
import { reportsInRedis } from './publish/reports-in-redis.ts';
import { rulesInRedis } from './publish/rules-in-redis.ts';
import { scheduler } from './publish/scheduler.ts';
import { watchEdits } from './publish/watch-edits.ts';
import { seed } from './seed.ts';
import { type Settings, settingsShape } from './settings.ts';

const DAY_MS = 86_400_000;

async function start(settings: Settings): Promise<void> {
  const log = pino({ level: settings.LOG_LEVEL, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const nowMs = Date.now;
  const now = () => new Date(nowMs()).toISOString();
  const store = await openStore(settings.DATABASE_URL);
  const published = await publisher(store, now);
  await seed(published, settings, now);
  const forgetting = everyHour(() => forgetAudit(store.connection, nowMs() - settings.AUDIT_DAYS * DAY_MS), log);
  const watching = watchEdits(published, log);
  const scheduling = scheduler({ store, publisher: published, log, now });
  const administrators = sessions(store, nowMs);
  await offerLogin(administrators, settings, log);
  const live = liveRates();
  const redis = shareOverRedis(settings, published, live, log);

  const app = configCenterApp({
    store,
    publisher: published,
    live,
    rulesInRedis: redis?.rules,
    scheduler: scheduling,
    sessions: administrators,
    lockout: lockout(nowMs),
    adminToken: settings.ADMIN_TOKEN,
    gatewayToken: settings.GATEWAY_TOKEN,
    keyPepper: settings.KEY_PEPPER,
    publicUrl: settings.PUBLIC_URL,
    tokenServiceUrl: settings.TOKEN_SERVICE_URL,
    log,
    nowMs,
  });
  const server = createServer(app);
  const port = settings.CONFIG_CENTER_PORT;
  server.on('error', (error: NodeJS.ErrnoException) => {
    const isTaken = error.code === 'EADDRINUSE';
    log.error({ port }, isTaken ? `port ${port} is taken; set CONFIG_CENTER_PORT to another one` : error.message);
    process.exit(1);
  });
  server.listen(port, settings.HOST, () => {
    log.info({ event: 'listening', port: (server.address() as AddressInfo).port }, 'config center listens');
  });

  async function stop(): Promise<void> {
    clearInterval(forgetting);
    watching.stop();
    scheduling.stop();
    server.close();
    server.closeAllConnections();
    redis?.close();
    await store.close();
    process.exit(0);
  }
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  process.on('unhandledRejection', (reason) => log.error({ error: String(reason) }, 'unhandled rejection'));
}

/** Gives gateways the rules over Redis, and gets their reports. */
function shareOverRedis(settings: Settings, published: Publisher, live: LiveRates, log: Logger) {
  if (settings.REDIS_URL === undefined) return undefined;
  const client = openRedis(settings.REDIS_URL, settings.REDIS_CLUSTER, log);
  const subscriber = openRedis(settings.REDIS_URL, settings.REDIS_CLUSTER, log);
  const rules = rulesInRedis({ client, subscriber, publisher: published, log });
  const reports = reportsInRedis({ client, live, nowMs: Date.now });
  return {
    rules,
    close() {
      reports.close();
      rules.close();
    },
  };
}

/** Runs some work now and every hour; a failure is logged, and the next hour tries again. */
function everyHour(work: () => Promise<void>, log: Logger): NodeJS.Timeout {
  const run = () => void work().catch((error: unknown) => log.error({ error: String(error) }, 'clearing up failed'));
  run();
  return setInterval(run, 3_600_000);
}

/** Allows the login code of the settings; a first start without any way to log in draws one and says it once. */
async function offerLogin(administrators: Sessions, settings: Settings, log: Logger): Promise<void> {
  if (settings.LOGIN_CODE !== undefined) {
    await administrators.allowCode(settings.LOGIN_CODE);
    return;
  }
  if (settings.ADMIN_TOKEN !== undefined || (await administrators.hasAny())) return;
  const code = randomBytes(24).toString('base64url');
  await administrators.allowCode(code);
  log.warn({ url: `${settings.PUBLIC_URL}/login?code=${code}` }, 'one-time administrator login, valid for 24 hours');
}

try {
  await start(readSettings(settingsShape, 'config center', process.env));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
