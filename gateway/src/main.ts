import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSettings } from '@ai-gateway/contracts';
import { estimateTokenCounter } from './adapters/estimate-token-counter.ts';
import { httpConfigSource } from './adapters/http-config-source.ts';
import { httpReporter } from './adapters/http-reporter.ts';
import { httpTokenCounter } from './adapters/http-token-counter.ts';
import { jsonLog } from './adapters/json-log.ts';
import { memoryLimitStore } from './adapters/memory-limit-store.ts';
import { memoryTargetHealth } from './adapters/memory-target-health.ts';
import { prometheusMetrics } from './adapters/prometheus-metrics.ts';
import { snapshotFile } from './adapters/snapshot-file.ts';
import { httpUpstreamClient } from './adapters/upstream-client.ts';
import { type LiveTotals, liveTotals } from './domain/live-totals.ts';
import { internalApp } from './http/internal-app.ts';
import { passthrough } from './http/serve-passthrough.ts';
import { gatewayServer } from './http/server.ts';
import { leaseKeeper } from './lease-keeper.ts';
import type { ConfigSource, Services } from './services.ts';
import { type Settings, settingsShape } from './settings.ts';

const VERSION = '0.1.0';

/** Milliseconds that never step back, on the wall clock's scale. */
const nowMs = () => performance.timeOrigin + performance.now();

/** Everything with a life of its own, wired together. */
async function wire(settings: Settings) {
  const log = jsonLog(settings.LOG_LEVEL);
  const totals = liveTotals();
  const config = await httpConfigSource({
    url: settings.CONFIG_CENTER_URL,
    token: settings.GATEWAY_TOKEN,
    keyPepper: settings.KEY_PEPPER,
    snapshots: snapshotFile(join(settings.DATA_DIR, 'gateway-rules')),
    log,
    nowMs,
  });
  const metrics = prometheusMetrics(totals, {
    revision: () => config.current()?.revision ?? 0,
    rulesAgeSeconds: config.ageSeconds,
  });
  const counter = httpTokenCounter({
    url: settings.TOKEN_SERVICE_URL,
    timeoutMs: settings.TOKEN_CALCULATION_TIMEOUT,
    nowMs,
  });
  const limits = leaseKeeper(memoryLimitStore(() => Math.floor(nowMs() * 1000)));
  const services: Services = {
    config,
    limits,
    tokens: settings.USE_PRECISE_TOKEN_CALCULATION ? counter : estimateTokenCounter,
    estimates: estimateTokenCounter,
    upstream: httpUpstreamClient(),
    health: memoryTargetHealth(nowMs, metrics, log),
    metrics,
    log,
    providerSecret: (name) => process.env[name] || undefined,
    nowMs,
    random: Math.random,
  };
  const proxy = passthrough(services);
  const reporter = reporterOf(settings, config, totals);
  async function close(): Promise<void> {
    reporter.close();
    proxy.close();
    limits.close();
    await Promise.all([config.close(), counter.close(), services.upstream.close()]);
    log.close();
  }
  return { services, proxy, registry: metrics.registry, totals, rulesAgeSeconds: config.ageSeconds, close };
}

function reporterOf(settings: Settings, config: ConfigSource, totals: LiveTotals) {
  const instanceId = randomUUID();
  return httpReporter({
    url: settings.CONFIG_CENTER_URL,
    token: settings.GATEWAY_TOKEN,
    report: () => ({
      gatewayId: settings.GATEWAY_ID,
      instanceId,
      version: VERSION,
      epoch: config.current()?.epoch ?? '',
      revision: config.current()?.revision ?? 0,
      refusedRevision: config.refused(),
      namespaces: [...totals.all()],
    }),
  });
}

async function start(settings: Settings): Promise<void> {
  const { services, proxy, close, ...rest } = await wire(settings);
  const { log } = services;
  let isDraining = false;
  const app = internalApp({ ...rest, services, passthrough: proxy, version: VERSION, isDraining: () => isDraining });
  const server = gatewayServer({ services, app, maxBodyBytes: settings.MAX_BODY_BYTES });
  const port = settings.GATEWAY_PORT;
  server.on('error', (error: NodeJS.ErrnoException) => {
    const isTaken = error.code === 'EADDRINUSE';
    log.error({ port }, isTaken ? `port ${port} is taken; set GATEWAY_PORT to another one` : error.message);
    void close().finally(() => process.exit(1));
  });
  server.listen(port, settings.HOST, () => {
    log.info({ event: 'listening', port: (server.address() as AddressInfo).port }, 'gateway listens');
  });

  async function stop(): Promise<void> {
    if (isDraining) return;
    isDraining = true;
    log.info({ seconds: settings.DRAIN_SECONDS }, 'draining');
    // New connections are refused, idle ones closed, running streams may finish.
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // A connection whose stream ends later is idle from then on and would otherwise be kept alive.
    const sweep = setInterval(() => server.closeIdleConnections(), 100);
    await Promise.race([closed, sleep(settings.DRAIN_SECONDS * 1000, undefined, { ref: false })]);
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
