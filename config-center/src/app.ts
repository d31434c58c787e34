import { randomUUID } from 'node:crypto';
import { openApiDocument } from '@ai-gateway/contracts';
import type { MasterKeys, RulesSigner } from '@ai-gateway/contracts/secrets';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { administratorRoutes } from './api/administrators.ts';
import { aliases } from './api/aliases.ts';
import { auditRoutes } from './api/audit.ts';
import { billingRoutes } from './api/billing-routes.ts';
import { docsPage } from './api/docs-page.ts';
import { explainRoutes } from './api/explain.ts';
import { sendEnvelope } from './api/handle.ts';
import { liveRoutes } from './api/live.ts';
import { locationRoutes } from './api/location-routes.ts';
import { policyTestRoutes } from './api/policy-tests.ts';
import { portkeyRoutes } from './api/portkey-routes.ts';
import { providerKeyRoutes, secretRoutes } from './api/provider-keys.ts';
import { requestLogRoutes } from './api/request-logs.ts';
import { resourceRoutes } from './api/resources.ts';
import { revisionRoutes } from './api/revisions.ts';
import { ruleSetRoutes } from './api/rule-set.ts';
import { scheduledRoutes } from './api/scheduled.ts';
import { sessionRoutes } from './api/session.ts';
import { settingsRoutes } from './api/settings.ts';
import { simulateRoutes } from './api/simulate.ts';
import { tokenRoutes } from './api/tokens.ts';
import { usageRoutes } from './api/usage.ts';
import { userRoutes } from './api/user-routes.ts';
import { virtualKeyRoutes } from './api/virtual-key-routes.ts';
import type { Access } from './auth/access.ts';
import { authorizer } from './auth/authorize.ts';
import { isAway } from './db/errors.ts';
import type { LiveSettings } from './db/operator-settings.ts';
import type { Store } from './db/store.ts';
import { Refusal } from './domain/faults.ts';
import type { LiveRates } from './domain/live-rates.ts';
import { gatewayRoutes } from './publish/gateway-routes.ts';
import type { Publisher } from './publish/publisher.ts';
import type { RequestLogIntake } from './publish/request-log-intake.ts';
import type { RulesInRedis } from './publish/rules-in-redis.ts';
import type { Scheduler } from './publish/scheduler.ts';

export interface AppOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly requestLogIntake: RequestLogIntake;
  readonly live: LiveRates;
  readonly access: Access;
  readonly liveSettings: LiveSettings;
  readonly adminToken: string | undefined;
  readonly gatewayToken: string;
  readonly keyPepper: string;
  readonly masterKeys: MasterKeys;
  readonly signer: RulesSigner;
  readonly publicUrl: string;
  readonly tokenServiceUrl: URL;
  /** Absent: there is no Redis. */
  readonly rulesInRedis?: RulesInRedis | undefined;
  /** Absent: nobody makes scheduled changes here. */
  readonly scheduler?: Scheduler | undefined;
  readonly log: Logger;
  readonly nowMs: () => number;
}

/** The control plane's HTTP application. */
export function configCenterApp(options: AppOptions): Express {
  const { store, publisher, access, nowMs } = options;
  const registry = metricsOf(options);
  const authorize = authorizer({ ...options, sessions: access.sessions });
  const now = () => new Date(nowMs()).toISOString();
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  // The dashboard's server, and what stands before it, say whom they speak for.
  app.set('trust proxy', 'loopback, linklocal, uniquelocal');
  app.use(common(registry));
  gatewayRoutes(app, options);
  // A request to explain is as large as those that gateways take.
  app.use('/api/v2/explain', authorize, express.json({ limit: '8mb' }));
  ruleSetRoutes(app, { store, publisher, authorize, now });
  app.use(express.json({ limit: '1mb' }), aliases);

  sessionRoutes(app, { ...options, authorize });
  settingsRoutes(app, { liveSettings: options.liveSettings, authorize, now });
  administratorRoutes(app, { store, access, authorize, now });
  const resources = { store, publisher, authorize, now };
  resourceRoutes(app, resources);
  virtualKeyRoutes(app, { ...resources, keyPepper: options.keyPepper });
  locationRoutes(app, resources);
  userRoutes(app, resources);
  portkeyRoutes(app, resources);
  billingRoutes(app, resources);
  providerKeyRoutes(app, { ...resources, masterKeys: options.masterKeys });
  secretRoutes(app, { ...resources, masterKeys: options.masterKeys });
  policyTestRoutes(app, {
    ...resources,
    gateways: () => options.live.addresses(nowMs()),
    gatewayToken: options.gatewayToken,
  });
  revisionRoutes(app, { store, publisher, authorize, now });
  scheduledRoutes(app, { store, publisher, authorize, now });
  auditRoutes(app, { store, authorize });
  requestLogRoutes(app, { store, authorize });
  usageRoutes(app, { store, authorize, nowMs });
  explainRoutes(app, { ...options, authorize });
  simulateRoutes(app, { store, publisher, authorize });
  tokenRoutes(app, { tokenServiceUrl: options.tokenServiceUrl, authorize });
  liveRoutes(app, { ...options, authorize });

  app.get('/openapi.json', (_request, response) => {
    response.json(openApiDocument());
  });
  app.get('/docs', (_request, response) => {
    response.type('html').send(docsPage(openApiDocument()));
  });
  app.get('/livez', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/readyz', async (_request, response) => {
    await answersSoon(store);
    response.json({ status: 'ok' });
  });
  app.get('/health', async (_request, response) => {
    await answersSoon(store);
    response.json({
      status: 'ok',
      storage: { [store.kind]: 'ok' },
      revision: publisher.current().revision,
      timestamp: now(),
    });
  });
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  app.use(() => {
    throw new Refusal(404, 'There is no such path.');
  });
  app.use(failures(options.log));
  return app;
}

/**
 * A probe gives up after two seconds, so the answer has to come before.
 * @throws Refusal 503 when the database is away or slow
 */
async function answersSoon({ connection }: Store): Promise<void> {
  const late = new Refusal(503, 'The database does not answer. Please try again.');
  const signal = AbortSignal.timeout(1_500);
  await Promise.race([
    connection.selectFrom('meta').select('name').limit(1).execute(),
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(late))),
  ]);
}

/** Security headers, the request id, and the time each route takes. */
function common(registry: Registry): RequestHandler {
  const seconds = new Histogram({
    name: 'config_center_http_request_duration_seconds',
    help: 'Time to answer, by method, route and status. Long polls of gateways are left out.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [registry],
  });
  return (request, response, next) => {
    const stop = seconds.startTimer();
    response.set({
      'x-request-id': randomUUID(),
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'cache-control': 'no-store',
    });
    response.on('finish', () => {
      if (request.path.startsWith('/internal/')) return;
      const route = (request.route as { path?: unknown } | undefined)?.path;
      stop({
        method: request.method,
        route: typeof route === 'string' ? route : 'none',
        status: String(response.statusCode),
      });
    });
    next();
  };
}

/** Every failure as the envelope; what nobody expected is logged and told to nobody. */
function failures(log: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const refusal = refusalOf(error);
    if (refusal.status >= 500) {
      const requestId = response.get('x-request-id');
      log.error({ requestId, error: error instanceof Error ? error.stack : String(error) }, 'request failed');
    }
    sendEnvelope(response, refusal.status, refusal.message, { errors: refusal.faults, ...refusal.conflict });
  };
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const type = (error as { type?: unknown } | null)?.type;
  if (type === 'entity.parse.failed') return new Refusal(400, 'The body is not valid JSON.');
  if (type === 'entity.too.large') return new Refusal(413, 'The body is too large.');
  if (type === 'charset.unsupported' || type === 'encoding.unsupported')
    return new Refusal(415, 'The body must be plain UTF-8 JSON.');
  if (isAway(error)) return new Refusal(503, 'The database does not answer. Please try again.');
  if (error instanceof URIError) return new Refusal(400, 'The path is not valid.');
  return new Refusal(500, 'The config center failed. The error is logged.');
}

function metricsOf({ publisher, live, rulesInRedis, scheduler, requestLogIntake, nowMs }: AppOptions): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'config_center_' });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('config_center_revision', 'Newest revision of the rules.', () => publisher.current().revision);
  gauge(
    'config_center_refused_rows',
    'Rows edited by hand that are not valid and not published.',
    () => publisher.refusedRows().length,
  );
  gauge('config_center_waiting_gateways', 'Gateways that wait for the next revision.', () => publisher.waiting());
  gauge(
    'config_center_gateways',
    'Gateways that reported in the last minute.',
    () => live.gateways(publisher.current(), nowMs()).length,
  );
  gauge(
    'config_center_request_log_lag_seconds',
    'Age of the newest request of the batch of records that was written down last.',
    () => requestLogIntake.totals().lagSeconds,
  );
  new Counter({
    name: 'config_center_request_log_records_total',
    help: 'Records of ended requests that were written down, those that came twice included.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(requestLogIntake.totals().records);
    },
  });
  if (scheduler !== undefined) {
    new Counter({
      name: 'config_center_scheduled_changes_total',
      help: 'Scheduled changes whose time has come, by what became of them.',
      labelNames: ['result'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [result, count] of Object.entries(scheduler.counts())) this.inc({ result }, count);
      },
    });
  }
  if (rulesInRedis !== undefined) {
    const isCurrent = () => Number(rulesInRedis.isCurrent());
    gauge('config_center_rules_in_redis', '1 when Redis holds the newest revision, as far as is known.', isCurrent);
  }
  return registry;
}
