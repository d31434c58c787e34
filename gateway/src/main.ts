import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readSettings } from '@ai-gateway/contracts';
import { openSecret, rulesSigner } from '@ai-gateway/contracts/secrets';
import { connectGuard } from './adapters/connect-guard.ts';
import { estimateTokenCounter } from './adapters/estimate-token-counter.ts';
import { healthChecks } from './adapters/health-checks.ts';
import { httpObservations } from './adapters/http-observations.ts';
import { httpReport } from './adapters/http-report.ts';
import { httpRequestLog } from './adapters/http-request-log.ts';
import { httpRules } from './adapters/http-rules.ts';
import { httpTokenCounter } from './adapters/http-token-counter.ts';
import { jsonLog } from './adapters/json-log.ts';
import { memoryAnswerCache } from './adapters/memory-answer-cache.ts';
import { memoryLimitStore } from './adapters/memory-limit-store.ts';
import { memoryTargetHealth } from './adapters/memory-target-health.ts';
import { prometheusMetrics } from './adapters/prometheus-metrics.ts';
import { connectRedis, openClient } from './adapters/redis/connection.ts';
import { redisAnswerCache } from './adapters/redis/redis-answer-cache.ts';
import { RedisLimitStore } from './adapters/redis/redis-limit-store.ts';
import { redisReport } from './adapters/redis/redis-report.ts';
import { redisRequestLog } from './adapters/redis/redis-request-log.ts';
import { redisRules } from './adapters/redis/redis-rules.ts';
import type { RedisClient } from './adapters/redis/scripts.ts';
import { type Reporter, reporter } from './adapters/reporter.ts';
import { requestLogOutbox } from './adapters/request-log-outbox.ts';
import { type RulesInForce, rulesInForce, unusableKeysIn } from './adapters/rules-in-force.ts';
import { sleep } from './adapters/sleep.ts';
import { snapshotFile } from './adapters/snapshot-file.ts';
import { httpUpstreamClient } from './adapters/upstream-client.ts';
import { vocabularyFeed } from './adapters/vocabulary-feed.ts';
import { vocabularyTokenCounter } from './adapters/vocabulary-token-counter.ts';
import type { CompiledProvider } from './domain/compile-snapshot.ts';
import { type LiveTotals, liveTotals } from './domain/live-totals.ts';
import type { SecretSource } from './domain/provider-keys.ts';
import { takesTraffic } from './domain/rank-targets.ts';
import { internalApp } from './http/internal-app.ts';
import { passthrough } from './http/serve-passthrough.ts';
import { gatewayServer } from './http/server.ts';
import { LimitKeeper } from './limits/limit-keeper.ts';
import type { Log, Metrics, Services, TargetHealth } from './services.ts';
import { type Settings, settingsShape } from './settings.ts';

const VERSION = '0.1.0';

/** Drawn at each start. */
const INSTANCE_ID = randomUUID();

/** How long the start waits for Redis, so that the first requests find it; without it the gateway serves all the same. */
const STARTUP_PATIENCE_MS = 2_000;

/** Rules may be large, and nobody waits for them. */
const RULES_TIMEOUT_MS = 5_000;

/** A kept answer that is not there by then is not worth waiting for, ms. */
const CACHE_TIMEOUT_MS = 70;

/** Leases of one process do not run out: only how often they are looked at, of the wall clock. */
const TEST_LEASE_MS = 60_000;

/** Unusable keys and upstreams that a report names; the log has all. */
const MAX_TOLD = 1_000;

/** Milliseconds that never step back, on the wall clock's scale. */
const nowMs = () => performance.timeOrigin + performance.now();

/** Everything with a life of its own, wired together. */
async function wire(settings: Settings, listeningPort: () => number) {
  const fleet = { size: 1 };
  const log = jsonLog(settings.LOG_LEVEL);
  const totals = liveTotals();
  // Filled below: reports tell of the rules, and new rules are reported at once.
  const reports: { now: Reporter['now'] } = { now: () => {} };
  const signer = rulesSigner(settings.GATEWAY_TOKEN);
  const snapshots = snapshotFile(join(settings.DATA_DIR, 'gateway-rules'));
  const config = await rulesInForce(
    { keyPepper: settings.KEY_PEPPER, signer, secrets: secretsOf(settings), snapshots, log, nowMs },
    () => reports.now(),
  );
  const sources = sourcesOf(settings, config, log);
  const metrics = prometheusMetrics(totals, {
    revision: () => config.current()?.revision ?? 0,
    rulesAgeSeconds: config.ageSeconds,
    requestLogWaiting: () => requestLog.waiting(),
  });
  const requestLog = requestLogOutbox({
    gatewayId: settings.GATEWAY_ID,
    ship:
      sources.redis === undefined
        ? httpRequestLog({ url: settings.CONFIG_CENTER_URL, token: settings.GATEWAY_TOKEN })
        : redisRequestLog(sources.redis),
    newId: randomUUID,
    metrics,
  });
  const counting = countingOf(settings, log);
  const { limits, redis } = await limitsOf(settings, { log, metrics, fleetSize: () => fleet.size });
  const answers = answersOf(settings);
  const guard = connectGuard({ allowPrivate: settings.UPSTREAM_ALLOW_PRIVATE, ports: settings.UPSTREAM_PORTS });
  const services: Services = {
    gatewayId: settings.GATEWAY_ID,
    heartbeatMs: settings.HEARTBEAT_SECONDS * 1000,
    config,
    limits,
    tokens: counting.tokens,
    estimates: estimateTokenCounter,
    observations: counting.observations,
    upstream: httpUpstreamClient(guard),
    cache: answers.cache,
    health: memoryTargetHealth({ nowMs, random: Math.random, metrics, log }),
    metrics,
    log,
    requestLog,
    nowMs,
    sleep,
    random: Math.random,
  };
  const checks = healthChecks({ current: config.current, health: services.health, guard, nowMs, random: Math.random });
  const proxy = passthrough(services, { guard, websocketIdleMs: settings.WEBSOCKET_IDLE_SECONDS * 1000 });
  const told = { totals, listeningPort, fleet, redis: sources.redis, health: services.health };
  const reporting = reporterOf(settings, config, told);
  reports.now = reporting.now;
  async function close(): Promise<void> {
    reporting.close();
    checks.close();
    proxy.close();
    await Promise.all([limits.close(), requestLog.close()]);
    redis?.close();
    answers.close();
    await Promise.all([sources.close(), counting.close(), services.upstream.close()]);
    log.close();
  }
  return { services, proxy, registry: metrics.registry, totals, rulesAgeSeconds: config.ageSeconds, close };
}

/** Secrets of providers are opened with the master keys, or are in the environment. */
function secretsOf({ SECRETS_KEYS }: Settings): SecretSource {
  return {
    open: ({ id, sealed }) => openSecret(sealed, { purpose: 'provider-key', rowId: id }, SECRETS_KEYS),
    environment: (name) => process.env[name] || undefined,
  };
}

/** Rules come from Redis where there is one, and from the config center while it does not serve. */
function sourcesOf(settings: Settings, rules: RulesInForce, log: Log) {
  const redis = quietClient(settings);
  const subscriber = quietClient(settings);
  const fromRedis = redis && subscriber && redisRules({ client: redis, subscriber, rules, nowMs, random: Math.random });
  const fromConfigCenter = httpRules({
    url: settings.CONFIG_CENTER_URL,
    token: settings.GATEWAY_TOKEN,
    rules,
    isServedOtherwise: () => fromRedis?.isServing() ?? false,
    log,
  });
  async function close(): Promise<void> {
    fromRedis?.close();
    await fromConfigCenter.close();
  }
  return { redis, close };
}

/** A connection that leaves it to the one of the limits to tell what is wrong with Redis. */
function quietClient({ REDIS_URL, REDIS_CLUSTER }: Settings): RedisClient | undefined {
  if (REDIS_URL === undefined) return undefined;
  const client = openClient({ url: REDIS_URL, isCluster: REDIS_CLUSTER, timeoutMs: RULES_TIMEOUT_MS });
  client.on('error', () => {});
  return client;
}

/** Answers are kept in Redis where there is one, else in this process. */
function answersOf({ REDIS_URL, REDIS_CLUSTER }: Settings) {
  if (REDIS_URL === undefined) return { cache: memoryAnswerCache(), close: () => {} };
  const client = openClient({ url: REDIS_URL, isCluster: REDIS_CLUSTER, timeoutMs: CACHE_TIMEOUT_MS });
  client.on('error', () => {});
  return { cache: redisAnswerCache(client), close: () => client.disconnect() };
}

/** Output is counted in this process once the vocabulary is here, inputs by the token service. */
function countingOf(settings: Settings, log: Log) {
  const url = settings.TOKEN_SERVICE_URL;
  const timeoutMs = settings.TOKEN_CALCULATION_TIMEOUT;
  const service = httpTokenCounter({ url, timeoutMs, nowMs });
  const vocabularies = vocabularyFeed({ url, timeoutMs, nowMs, log });
  const observations = httpObservations({ url, outputShare: settings.TOKEN_DRIFT_SAMPLE });
  const precise = vocabularyTokenCounter(vocabularies, service);
  return {
    tokens: settings.USE_PRECISE_TOKEN_CALCULATION ? precise : estimateTokenCounter,
    observations,
    async close(): Promise<void> {
      observations.close();
      await Promise.all([vocabularies.close(), service.close()]);
    },
  };
}

interface LimitsParts {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Gateways that the config center knows of. */
  readonly fleetSize: () => number;
}

/** Limits of this process, or shared over Redis where there is one. */
async function limitsOf(settings: Settings, { log, metrics, fleetSize }: LimitsParts) {
  const base = {
    local: memoryLimitStore(() => Math.floor(nowMs() * 1000)),
    leaseMs: settings.LIMIT_LEASE_SECONDS * 1000,
    fleetSize,
    nowMs,
    random: Math.random,
    log,
    onEvent: metrics.limiter,
  };
  if (settings.REDIS_URL === undefined) return { limits: new LimitKeeper(base), redis: undefined };

  const timeoutMs = settings.LIMIT_STORE_TIMEOUT_MS;
  const redis = connectRedis({ url: settings.REDIS_URL, isCluster: settings.REDIS_CLUSTER, timeoutMs }, log);
  const shared: RedisLimitStore = new RedisLimitStore({
    client: redis.client,
    tag: 'gw',
    // Two gateways may share a name by mistake; as users of the store they are two.
    gatewayId: `${settings.GATEWAY_ID} ${INSTANCE_ID}`,
    newEpoch: randomUUID,
    nowMs,
    timeoutMs,
    onDataLost: () => void limits.dataLost(),
  });
  const limits = new LimitKeeper({ ...base, shared });
  await redis.ready(STARTUP_PATIENCE_MS);
  await redis.check();
  return { limits, redis };
}

/** Limits that nobody shares, for a policy test. */
function limitsOnClock(clockMs: () => number, log: Log): LimitKeeper {
  return new LimitKeeper({
    local: memoryLimitStore(() => Math.floor(clockMs() * 1000)),
    leaseMs: TEST_LEASE_MS,
    nowMs: clockMs,
    random: Math.random,
    log,
    onEvent: () => {},
  });
}

interface ReporterParts {
  readonly totals: LiveTotals;
  readonly listeningPort: () => number;
  readonly fleet: { size: number };
  readonly redis: RedisClient | undefined;
  readonly health: Pick<TargetHealth, 'of'>;
}

function reporterOf(settings: Settings, config: RulesInForce, parts: ReporterParts) {
  const { totals, listeningPort, fleet, redis, health } = parts;
  const overHttp = httpReport({
    url: settings.CONFIG_CENTER_URL,
    token: settings.GATEWAY_TOKEN,
    onAnswer: ({ gateways }) => {
      fleet.size = gateways;
    },
  });
  return reporter({
    ways: redis === undefined ? [overHttp] : [overHttp, redisReport(redis)],
    report: () => {
      const current = config.current();
      return {
        gatewayId: settings.GATEWAY_ID,
        instanceId: INSTANCE_ID,
        internalUrl: settings.GATEWAY_INTERNAL_URL,
        port: listeningPort(),
        version: VERSION,
        reportedAtMs: nowMs(),
        epoch: current?.epoch ?? '',
        revision: current?.revision ?? 0,
        rulesAgeSeconds: config.ageSeconds(),
        refusedRevision: config.refused(),
        unusableKeys: current === undefined ? [] : unusableKeysIn(current).slice(0, MAX_TOLD),
        asideUpstreams: asideIn(current?.providers ?? [], health).slice(0, MAX_TOLD),
        namespaces: [...totals.all()],
      };
    },
  });
}

/** Ids of upstreams that take no traffic now. */
function asideIn(providers: readonly Pick<CompiledProvider, 'upstreams'>[], health: Pick<TargetHealth, 'of'>) {
  const upstreams = providers.flatMap((provider) => provider.upstreams);
  return upstreams.map(({ id }) => id).filter((id) => !takesTraffic(health.of(id), nowMs()));
}

async function start(settings: Settings): Promise<void> {
  let listeningPort = 0;
  const { services, proxy, close, ...rest } = await wire(settings, () => listeningPort);
  const { log } = services;
  let isDraining = false;
  const app = internalApp({
    ...rest,
    services,
    passthrough: proxy,
    version: VERSION,
    isDraining: () => isDraining,
    gatewayToken: settings.GATEWAY_TOKEN,
    newLimits: (clockMs) => limitsOnClock(clockMs, log),
  });
  const server = gatewayServer({ services, app, passthrough: proxy, maxBodyBytes: settings.MAX_BODY_BYTES });
  const port = settings.GATEWAY_PORT;
  server.on('error', (error: NodeJS.ErrnoException) => {
    const isTaken = error.code === 'EADDRINUSE';
    log.error({ port }, isTaken ? `port ${port} is taken; set GATEWAY_PORT to another one` : error.message);
    void close().finally(() => process.exit(1));
  });
  server.listen(port, settings.HOST, () => {
    listeningPort = (server.address() as AddressInfo).port;
    log.info({ event: 'listening', port: listeningPort }, 'gateway listens');
  });

  async function stop(): Promise<void> {
    if (isDraining) return;
    isDraining = true;
    log.info({ seconds: settings.DRAIN_SECONDS }, 'draining');
    // New connections are refused, idle ones closed, running streams may finish.
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // A connection whose stream ends later is idle from then on and would otherwise be kept alive.
    const sweep = setInterval(() => server.closeIdleConnections(), 100);
    await Promise.race([closed, delay(settings.DRAIN_SECONDS * 1000, undefined, { ref: false })]);
    clearInterval(sweep);
    server.closeAllConnections();
    await close();
    process.exit(0);
  }
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  process.on('unhandledRejection', (reason) => log.error({ error: String(reason) }, 'unhandled rejection'));
}

try {
  await start(readSettings(settingsShape, 'gateway', process.env));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
