import { timingSafeEqual } from 'node:crypto';
import { EXPLAIN_PATH, LIMITS_PATH, locate, POLICY_TESTS_PATH } from '@ai-gateway/contracts';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { Registry } from 'prom-client';
import { secretIn } from '../domain/access.ts';
import { countersOf } from '../domain/counters.ts';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import type { LiveTotals } from '../domain/live-totals.ts';
import { takesTraffic } from '../domain/rank-targets.ts';
import { ENDPOINTS } from '../endpoints.ts';
import type { NewLimits } from '../policy-tests/run-policy-test.ts';
import type { Services } from '../services.ts';
import { beginLife, failedOutcome } from './life.ts';
import { targetOf } from './read-request.ts';
import { isMetered, PASSTHROUGH_ROUTES } from './routes.ts';
import { serveExplain } from './serve-explain.ts';
import { serveModels } from './serve-models.ts';
import type { Passthrough } from './serve-passthrough.ts';
import { servePolicyTests } from './serve-policy-tests.ts';
import { writeError } from './write-answer.ts';

export interface InternalAppOptions {
  readonly services: Services;
  readonly passthrough: Passthrough;
  readonly registry: Registry;
  readonly totals: LiveTotals;
  readonly version: string;
  /** Secret of the config center's questions. */
  readonly gatewayToken: string;
  readonly isDraining: () => boolean;
  readonly rulesAgeSeconds: () => number;
  /** Limits for each policy test. */
  readonly newLimits: NewLimits;
}

/** Largest request that can be explained. */
const EXPLAINED_BYTES = '8mb';

/** Draft rules and policy tests; only the config center sends them. */
const TESTED_BYTES = '64mb';

/** `/stats` is open to everybody, so it reads no more often than this. */
const STATS_MS = 200;

/** Counters that `/stats` lists; those of one namespace are all at `LIMITS_PATH`. */
const LISTED_LIMITS = 500;

/** Beyond this age of the rules `/health` says that the config center is away. */
const STALE_RULES_SECONDS = 60;

/** Everything but the hot chat routes: health, metrics, models, and what is passed through. */
export function internalApp(options: InternalAppOptions): Express {
  const { services, passthrough, registry } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  app.get('/livez', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/readyz', (_request, response) => {
    const isReady = services.config.current() !== undefined && !options.isDraining();
    response.status(isReady ? 200 : 503).json({ status: isReady ? 'ok' : 'not ready' });
  });
  app.get('/health', (_request, response) => {
    const health = healthOf(options);
    response.status(health.status === 'unhealthy' ? 503 : 200).json(health);
  });
  const stats = remembered(
    () => statsOf(options),
    STATS_MS,
    () => services.nowMs(),
  );
  app.get('/stats', async (_request, response) => {
    response.json({ ...healthOf(options), ...(await stats()) });
  });
  const isConfigCenter = configCenterOnly(options);
  app.get(LIMITS_PATH, isConfigCenter, (request, response) => serveLimits(request, response, options));
  app.post(EXPLAIN_PATH, isConfigCenter, express.json({ limit: EXPLAINED_BYTES }), (request, response) =>
    serveExplain(request, response, services),
  );
  app.post(POLICY_TESTS_PATH, isConfigCenter, express.json({ limit: TESTED_BYTES }), (request, response) =>
    servePolicyTests(request, response, options),
  );
  app.use([EXPLAIN_PATH, POLICY_TESTS_PATH], unreadable);
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  app.get('/v1/models', (request, response) => serveModels(request, response, services));
  app.get('/v1/models/*name', (request, response) => serveModels(request, response, services));
  app.use((request, response, next) => {
    const found = locate(services.config.current()?.locations ?? [], targetOf(request.url).path);
    if (found === undefined || isMetered(found.path)) next();
    else void passthrough.serve(request, response);
  });
  app.all(PASSTHROUGH_ROUTES, (request, response) => passthrough.serve(request, response));
  app.use((request, response) => {
    const isKnown =
      ENDPOINTS.has(request.path) ||
      /^\/(health|livez|readyz|stats|metrics|v1\/(models|messages\/count_tokens))\/?$/.test(request.path);
    refuse(request, response, services, new GatewayError(isKnown ? 'method_not_allowed' : 'not_found'));
  });
  return app;
}

/** A question whose body cannot be read. */
const unreadable: ErrorRequestHandler = (_error, _request, response, next) => {
  if (response.headersSent) next();
  else writeError(response, new GatewayError('invalid_json'), '');
};

function healthOf({ services, isDraining, rulesAgeSeconds, version }: InternalAppOptions) {
  const rules = services.config.current();
  const providers = rules?.providers ?? [];
  const upstreams = providers.flatMap((provider) => provider.upstreams);
  const healthy = upstreams.filter(({ id }) => takesTraffic(services.health.of(id), services.nowMs()));
  const age = Math.round(rulesAgeSeconds());
  const working =
    services.limits.isDown() || age > STALE_RULES_SECONDS || healthy.length < upstreams.length ? 'degraded' : 'ok';
  return {
    status: rules === undefined || isDraining() ? 'unhealthy' : working,
    timestamp: new Date(services.nowMs()).toISOString(),
    version,
    revision: rules?.revision ?? null,
    epoch: rules?.epoch ?? null,
    services: {
      limits: services.limits.isDown() ? 'shared store unreachable, each policy by its onLimiterDown' : 'ok',
      config_center: age > STALE_RULES_SECONDS ? `last heard of ${age} s ago` : 'ok',
      upstreams: `${healthy.length}/${upstreams.length} healthy`,
    },
  };
}

/** Runs `read` at most once in `ms`; callers in between get what the last run gave. */
function remembered<T>(read: () => Promise<T>, ms: number, nowMs: () => number): () => Promise<T> {
  let last: { readonly atMs: number; readonly value: Promise<T> } | undefined;
  return () => {
    if (last === undefined || nowMs() - last.atMs >= ms) last = { atMs: nowMs(), value: read() };
    return last.value;
  };
}

async function statsOf({ services, totals }: InternalAppOptions) {
  const rules = services.config.current();
  const codes = new Map([...(rules?.namespaces ?? [])].map(([id, { namespace }]) => [id, namespace.code]));
  const all = [...(rules?.namespaces.values() ?? [])].flatMap(({ planned }) =>
    [...new Set([...planned.stream.general, ...planned.plain.general])]
      .filter(({ countPer }) => countPer.length === 0)
      .map(({ limit }) => limit),
  );
  const { limits: counters, store } = await services.limits.counters(all.slice(0, LISTED_LIMITS));
  return {
    uptimeSeconds: Math.round(process.uptime()),
    namespaces: totals.all().map((total) => ({ namespace: codes.get(total.namespaceId) ?? null, ...total })),
    limits: counters,
    limitStore: store,
  };
}

/** Lets only those in who know the gateway token. */
function configCenterOnly({ gatewayToken }: InternalAppOptions): RequestHandler {
  return (request, response, next) => {
    if (isSameSecret(secretIn(request.headers) ?? '', gatewayToken)) next();
    else writeError(response, new GatewayError('invalid_api_key', { message: 'The gateway token is not valid.' }), '');
  };
}

/** Counters of a namespace and what runs in it, for the config center. */
async function serveLimits(request: Request, response: Response, options: InternalAppOptions): Promise<void> {
  const { services } = options;
  const rules = services.config.current();
  const namespace = rules?.namespaces.get(String(request.query.namespaceId));
  if (rules === undefined || namespace === undefined) {
    writeError(response, new GatewayError('namespace_not_found', { message: 'There is no such namespace.' }), '');
    return;
  }
  try {
    response.json(await services.limits.report(namespace.namespace.id, countersOf(rules, namespace)));
  } catch (thrown) {
    writeError(response, asGatewayError(thrown), '');
  }
}

function isSameSecret(given: string, wanted: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(wanted)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function refuse(request: Request, response: Response, services: Services, error: GatewayError): void {
  const life = beginLife(request, response, services);
  life.end(failedOutcome(error, false));
  writeError(response, error, life.requestId);
}
