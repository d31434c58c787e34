import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readSettings } from '@ai-gateway/contracts';
import { type RulesSigner, rulesSigner } from '@ai-gateway/contracts/secrets';
import { type Logger, pino } from 'pino';
import { configCenterApp } from './app.ts';
import { type Access, administratorAccess } from './auth/access.ts';
import { BUILT_IN, ensureBuiltIn, findAdministrator } from './auth/administrators.ts';
import { ensureFirstKey } from './auth/first-key.ts';
import { oidcSettingsOf } from './auth/oidc-settings.ts';
import { type LiveSettings, liveSettings } from './db/operator-settings.ts';
import { forgetOld } from './db/retention.ts';
import { openStore, type Store } from './db/store.ts';
import { type LiveRates, liveRates } from './domain/live-rates.ts';
import { reportOn } from './domain/sealed-rows.ts';
import { standingKeeper } from './publish/account-standings.ts';
import { policyTestGuard } from './publish/policy-tests.ts';
import { type Publisher, publisher } from './publish/publisher.ts';
import { openRedis } from './publish/redis.ts';
import { reportsInRedis } from './publish/reports-in-redis.ts';
import { requestLogInRedis } from './publish/request-log-in-redis.ts';
import { type RequestLogIntake, requestLogIntake } from './publish/request-log-intake.ts';
import { rulesInRedis } from './publish/rules-in-redis.ts';
import { scheduler } from './publish/scheduler.ts';
import { watchEdits } from './publish/watch-edits.ts';
import { seed } from './seed.ts';
import { operatorDefaults, type Settings, settingsShape } from './settings.ts';

/** How soon a config center has settings that were changed at another one, and how often old rows are cleared up, ms. */
const SETTINGS_MS = 5_000;
const CLEARING_MS = 60_000;

async function start(settings: Settings): Promise<void> {
  const log = pino({ level: settings.LOG_LEVEL, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const nowMs = Date.now;
  const now = () => new Date(nowMs()).toISOString();
  const oidc = oidcSettingsOf(settings);
  const store = await openStore(settings.DATABASE_URL);
  const live = liveRates();
  const guard = policyTestGuard({ gateways: () => live.addresses(nowMs()), gatewayToken: settings.GATEWAY_TOKEN });
  const published = await publisher(store, now, guard);
  await seed(published, settings, now);
  const operators = await liveSettings(store, operatorDefaults(settings));
  const keeping = keepHouse(store, operators, log);
  const watching = watchEdits(published, log);
  const scheduling = scheduler({ store, publisher: published, log, now });
  await tellOfOldMasterKeys(store, settings, log);
  await ensureBuiltIn(store.connection, now());
  await ensureFirstKey(store, settings.ADMIN_KEY_FILE ?? join(settings.DATA_DIR, 'admin_ed25519.key'), now(), log);
  const accessSettings = { hasPasswordLogin: settings.PASSWORD_LOGIN, oidc, lifetimes: operators.current };
  const access = administratorAccess(store, accessSettings, nowMs);
  await offerLogin(store, access, settings, log);
  const signer = rulesSigner(settings.GATEWAY_TOKEN);
  const { settle } = standingKeeper({ store, publisher: published, log, now });
  const intake = requestLogIntake(store.connection, nowMs, settle);
  const redis = shareOverRedis(settings, { published, live, signer, intake, log });

  const app = configCenterApp({
    store,
    publisher: published,
    requestLogIntake: intake,
    live,
    rulesInRedis: redis?.rules,
    scheduler: scheduling,
    access,
    liveSettings: operators,
    adminToken: settings.ADMIN_TOKEN,
    gatewayToken: settings.GATEWAY_TOKEN,
    keyPepper: settings.KEY_PEPPER,
    masterKeys: settings.SECRETS_KEYS,
    signer,
    publicUrl: settings.PUBLIC_URL,
    tokenServiceUrl: settings.TOKEN_SERVICE_URL,
    log,
    nowMs,
  });
  const server = createServer(app);
  listen(server, settings, log);

  async function stop(): Promise<void> {
    for (const timer of keeping) clearInterval(timer);
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

/** A port that is taken ends the process. */
function listen(server: Server, settings: Settings, log: Logger): void {
  const port = settings.CONFIG_CENTER_PORT;
  server.on('error', (error: NodeJS.ErrnoException) => {
    const isTaken = error.code === 'EADDRINUSE';
    log.error({ port }, isTaken ? `port ${port} is taken; set CONFIG_CENTER_PORT to another one` : error.message);
    process.exit(1);
  });
  server.listen(port, settings.HOST, () => {
    log.info({ event: 'listening', port: (server.address() as AddressInfo).port }, 'config center listens');
  });
}

interface SharedParts {
  readonly published: Publisher;
  readonly live: LiveRates;
  readonly signer: RulesSigner;
  readonly intake: RequestLogIntake;
  readonly log: Logger;
}

/** Gives gateways the rules over Redis, and gets their reports and records. */
function shareOverRedis(settings: Settings, { published, live, signer, intake, log }: SharedParts) {
  if (settings.REDIS_URL === undefined) return undefined;
  const client = openRedis(settings.REDIS_URL, settings.REDIS_CLUSTER, log);
  const subscriber = openRedis(settings.REDIS_URL, settings.REDIS_CLUSTER, log);
  const rules = rulesInRedis({ client, subscriber, publisher: published, signer, log });
  const reports = reportsInRedis({ client, live, nowMs: Date.now });
  const records = requestLogInRedis({ client, intake, log });
  return {
    rules,
    close() {
      reports.close();
      records.close();
      rules.close();
    },
  };
}

/** Says at the start which secrets need another master key than the current one. */
async function tellOfOldMasterKeys(store: Store, { SECRETS_KEYS }: Settings, log: Logger): Promise<void> {
  const { masterKeys } = reportOn(await store.all('provider_key'), SECRETS_KEYS);
  for (const { id, state, secrets } of masterKeys.filter((one) => one.state !== 'current' && one.secrets > 0)) {
    if (state === 'missing')
      log.error({ masterKeyId: id, secrets }, 'secrets cannot be opened: SECRETS_KEYS lacks their key');
    else log.warn({ masterKeyId: id, secrets }, 'secrets are under an older master key: POST /api/v2/secrets/rotate');
  }
}

/** Has settings in force that other config centers have changed, and clears up old rows. */
function keepHouse(store: Store, operators: LiveSettings, log: Logger): readonly NodeJS.Timeout[] {
  const clearing = () => forgetOld(store.connection, operators.current(), Date.now());
  return [
    every(SETTINGS_MS, operators.refresh, (error) => log.warn({ error }, 'settings cannot be read now')),
    every(CLEARING_MS, clearing, (error) => log.error({ error }, 'clearing up failed')),
  ];
}

/** Runs some work now and again and again; after a failure it is tried again in its time. */
function every(periodMs: number, work: () => Promise<void>, onFailure: (error: string) => void): NodeJS.Timeout {
  const run = () => void work().catch((error: unknown) => onFailure(String(error)));
  run();
  return setInterval(run, periodMs);
}

/** Allows the login code of the settings; a first start without any way to log in draws one and says it once. */
async function offerLogin(store: Store, { codes }: Access, settings: Settings, log: Logger): Promise<void> {
  if (settings.LOGIN_CODE !== undefined) {
    const builtIn = await findAdministrator(store.connection, 'id', BUILT_IN);
    if (builtIn?.isEnabled !== true)
      log.warn('LOGIN_CODE lets nobody in: the first administrator is disabled or deleted');
    await codes.allow(settings.LOGIN_CODE);
    return;
  }
  if (settings.ADMIN_TOKEN !== undefined || (await codes.hasAnyUsed())) return;
  const code = randomBytes(24).toString('base64url');
  await codes.allow(code);
  log.warn({ url: `${settings.PUBLIC_URL}/login?code=${code}` }, 'one-time administrator login, valid for 24 hours');
}

try {
  await start(readSettings(settingsShape, 'config center', process.env));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
