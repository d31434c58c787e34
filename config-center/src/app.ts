import { randomUUID } from 'node:crypto';
import { ADMIN_API, openApiDocument } from '@ai-gateway/contracts';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { aliases } from './api/aliases.ts';
import { auditRoutes } from './api/audit.ts';
import { docsPage } from './api/docs-page.ts';
import { handle, sendEnvelope } from './api/handle.ts';
import { resourceRoutes } from './api/resources.ts';
import { revisionRoutes } from './api/revisions.ts';
import { routingRoutes } from './api/routing-routes.ts';
import { sessionRoutes } from './api/session.ts';
import { tokenRoutes } from './api/tokens.ts';
import { userRoutes } from './api/user-routes.ts';
import { virtualKeyRoutes } from './api/virtual-key-routes.ts';
import { authorizer } from './auth/authorize.ts';
import type { Lockout } from './auth/lockout.ts';
import type { Sessions } from './auth/sessions.ts';
import { isAway } from './db/errors.ts';
import type { Store } from './db/store.ts';
import { Refusal } from './domain/faults.ts';
import type { LiveRates } from './domain/live-rates.ts';
import { askLimits } from './publish/gateway-limits.ts';
import { gatewayRoutes } from './publish/gateway-routes.ts';
import type { Publisher } from './publish/publisher.ts';
import type { RulesInRedis } from './publish/rules-in-redis.ts';

export interface AppOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly live: LiveRates;
  readonly sessions: Sessions;
  readonly lockout: Lockout;
  readonly adminToken: string | undefined;
  readonly gatewayToken: string;
  readonly keyPepper: string;
  readonly publicUrl: string;
  readonly tokenServiceUrl: URL;
  /** Absent: there is no Redis. */
  readonly rulesInRedis?: RulesInRedis | undefined;
  readonly log: Logger;
  readonly nowMs: () => number;
}

/** The control plane's HTTP application. */
export function configCenterApp(options: AppOptions): Express {
  const { store, publisher, live, sessions, nowMs } = options;
  const registry = metricsOf(options);
  const authorize = authorizer(options);
  const now = () => new Date(nowMs()).toISOString();
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  // The dashboard's server, and what stands before it, say whom they speak for.
  app.set('trust proxy', 'loopback, linklocal, uniquelocal');
  app.use(common(registry));
  gatewayRoutes(app, options);
  app.use(express.json({ limit: '1mb' }), aliases);

  sessionRoutes(app, { sessions, lockout: options.lockout, authorize });
  const resources = { store, publisher, authorize, now };
  resourceRoutes(app, resources);
  virtualKeyRoutes(app, { ...resources, keyPepper: options.keyPepper });
  routingRoutes(app, resources);
  userRoutes(app, resources);
  revisionRoutes(app, { store, publisher, authorize, now });
  auditRoutes(app, { store, authorize });
  tokenRoutes(app, { tokenServiceUrl: options.tokenServiceUrl, authorize });
  handle(app, ADMIN_API.live.namespaces, authorize, () => ({ items: [...live.namespaces(nowMs())] }));
  handle(app, ADMIN_API.live.limits, authorize, async ({ query }) => {
    const byCode = { page: 1, size: 1, where: { code: query.namespace } };
    const found = (await store.read('namespace', query.namespace)) ?? (await store.list('namespace', byCode)).items[0];
    if (found === undefined) throw new Refusal(404, 'There is no such namespace.');
    return askLimits(live.addresses(nowMs()), found.id, options.gatewayToken);
  });
  handle(app, ADMIN_API.live.gateways, authorize, () => ({
    items: [...live.gateways(publisher.current(), nowMs())],
    revision: publisher.current().revision,
    refusedRows: [...publisher.refusedRows()],
  }));

  app.get('/openapi.json', (_request, response) => {
    response.json(openApiDocument());
  });
  app.get('/docs', (_request, response) => {
    response.type('html').send(docsPage(openApiDocument()));
  });
  app.get('/health', async (_request, response) => {
    await store.connection.selectFrom('meta').select('name').limit(1).execute();
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

function metricsOf({ publisher, live, rulesInRedis, nowMs }: AppOptions): Registry {
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
  if (rulesInRedis !== undefined) {
    const isCurrent = () => Number(rulesInRedis.isCurrent());
    gauge('config_center_rules_in_redis', '1 when Redis holds the newest revision, as far as is known.', isCurrent);
  }
  return registry;
}
