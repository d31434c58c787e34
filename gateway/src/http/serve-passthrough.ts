import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream';
import httpProxy from 'http-proxy';
import { chooseKey, noKeyError, upstreamsWithKey } from '../domain/choose-key.ts';
import type { CompiledProvider } from '../domain/compile-snapshot.ts';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import { NO_USAGE } from '../domain/outcome.ts';
import type { UsableKey } from '../domain/provider-keys.ts';
import { preferring, rankTargets } from '../domain/rank-targets.ts';
import { targetProvider } from '../domain/resolve-model.ts';
import type { Received } from '../exchange.ts';
import { passthroughPipeline } from '../pipeline.ts';
import { passthroughUrl } from '../providers/openai-compatible.ts';
import type { Services } from '../services.ts';
import type { Matched } from '../stages/match-namespace.ts';
import { beginLife, failedOutcome, type Life } from './life.ts';
import { targetOf } from './read-request.ts';
import { writeError } from './write-answer.ts';

/** Headers of the client that reach the provider; everything else stays here. */
const FORWARDED = new Set(['accept', 'content-length', 'content-type', 'transfer-encoding', 'range', 'openai-beta']);

/** Headers of the provider that reach the client. */
const RETURNED = [
  'content-type',
  'content-length',
  'content-disposition',
  'content-range',
  'accept-ranges',
  'cache-control',
];

/** Serves routes that are passed through untouched. */
export interface Passthrough {
  /** Never rejects. */
  serve(message: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): void;
}

/** Where and how a passed-through request goes. */
interface Route {
  readonly provider: CompiledProvider;
  readonly url: string;
  readonly upstreamId: string;
  readonly key: UsableKey | undefined;
  readonly addHeaders: Readonly<Record<string, string>>;
}

/**
 * Passes files, audio and images through `http-proxy`: all rules apply that do not need the body, bytes are untouched,
 * headers are allow-listed both ways, redirects are refused.
 */
export function passthrough(services: Services): Passthrough {
  const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };
  const proxy = httpProxy.createProxyServer({ selfHandleResponse: true, ignorePath: true, xfwd: false });

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const life = beginLife(message, response, services);
    try {
      const target = targetOf(message.url ?? '');
      const exchange = await passthroughPipeline.run(life.received(target, new Uint8Array()), services);
      for (const [name, value] of Object.entries(exchange.rateHeaders)) response.setHeader(name, value);
      const route = routeOf(message, exchange, services);
      life.notes.provider = route.provider.provider.name;
      life.notes.upstreamId = route.upstreamId;
      life.notes.providerKeyId = route.key?.id;
      life.notes.attempts = 1;
      await forward(message, response, route, life);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      life.end(failedOutcome(error, life.hasClientLeft()), error.details.internal);
      writeError(response, error, life.requestId);
    }
  }

  function forward(message: IncomingMessage, response: ServerResponse, route: Route, life: Life): Promise<void> {
    const { url, key, addHeaders } = route;
    const search = (message.url ?? '').split('?').slice(1).join('?');
    allowHeaders(message, key?.reveal(), life.requestId);
    Object.assign(message.headers, addHeaders);
    return new Promise((resolve, reject) => {
      pending.set(message, { life, resolve });
      // http-proxy keeps to itself that a client left before the provider had answered.
      response.once('close', () => {
        if (response.writableFinished) return;
        life.end({ kind: 'client_left', status: 499, usage: NO_USAGE });
        resolve();
      });
      proxy.web(
        message,
        response,
        {
          target: search === '' ? url : `${url}?${search}`,
          changeOrigin: true,
          agent: url.startsWith('https:') ? agents.https : agents.http,
        },
        (error) => {
          const code = (error as NodeJS.ErrnoException).code ?? '';
          reject(new GatewayError('upstream_error', { internal: `${code} ${error.message}`.trim() }));
        },
      );
    });
  }

  const pending = new WeakMap<IncomingMessage, { life: Life; resolve: () => void }>();

  // http-proxy listens for 'aborted', which Node no longer emits: without this the upstream request outlives the client.
  proxy.on('proxyReq', (upstreamRequest, _message, response) => {
    response.on('close', () => {
      if (!response.writableFinished) upstreamRequest.destroy();
    });
  });
  proxy.on('proxyRes', (upstreamResponse, message, response) => {
    const request = pending.get(message);
    if (request !== undefined) deliver(upstreamResponse, response, request);
  });

  return {
    serve,
    close() {
      proxy.close();
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

function deliver(
  upstream: IncomingMessage,
  response: ServerResponse,
  { life, resolve }: { life: Life; resolve: () => void },
): void {
  const status = upstream.statusCode ?? 502;
  if (status >= 300 && status < 400) {
    upstream.destroy();
    const error = new GatewayError('upstream_error', { message: 'The provider answered with a redirect.' });
    life.end(failedOutcome(error, false));
    writeError(response, error, life.requestId);
    resolve();
    return;
  }
  for (const name of RETURNED) {
    const value = upstream.headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
  response.setHeader('x-request-id', life.requestId);
  response.writeHead(status);
  life.firstByte();
  pipeline(upstream, response, (error) => {
    if (life.hasClientLeft()) life.end({ kind: 'client_left', status: 499, usage: NO_USAGE });
    else life.end({ kind: error ? 'partial' : 'completed', status, usage: NO_USAGE });
    resolve();
  });
}

/**
 * The provider named by `x-provider`, else that of the location, else the namespace's default, else the first that has an
 * upstream.
 */
function routeOf(
  message: IncomingMessage,
  { config, namespace, located, path }: Received & Matched,
  services: Services,
): Route {
  const name = message.headers['x-provider'];
  const { location } = located ?? {};
  const { defaultProviderId, defaultUpstreamId } = namespace.namespace;
  const provider =
    name === undefined
      ? (targetProvider(config, location?.providerId, location?.upstreamId) ??
        targetProvider(config, defaultProviderId, defaultUpstreamId) ??
        config.providers.find(({ upstreams }) => upstreams.length > 0))
      : config.providers.find((candidate) => candidate.provider.name === name);
  if (provider === undefined || provider.upstreams.length === 0) throw new GatewayError('no_healthy_upstream');
  const { health, nowMs, random } = services;
  const healthOf = (id: string) => health.of(id);
  const ranked = rankTargets(upstreamsWithKey(provider), healthOf, nowMs(), random);
  const wanted = [location?.upstreamId, defaultUpstreamId].find((id) => ranked.some((upstream) => upstream.id === id));
  const upstream = preferring(ranked, wanted, healthOf, nowMs())[0];
  if (upstream === undefined) throw noKeyError(provider);

  return {
    provider,
    url: passthroughUrl(upstream.baseUrl, targetOf(located?.path ?? path).path),
    upstreamId: upstream.id,
    key: chooseKey(provider.keys, { upstreamId: upstream.id, passedOver: new Set(), random }),
    addHeaders: location?.addHeaders ?? {},
  };
}

function allowHeaders(message: IncomingMessage, secret: string | undefined, requestId: string): void {
  for (const name of Object.keys(message.headers)) if (!FORWARDED.has(name)) delete message.headers[name];
  message.headers['x-request-id'] = requestId;
  message.headers['user-agent'] = 'ai-gateway';
  if (secret !== undefined) message.headers.authorization = `Bearer ${secret}`;
}
