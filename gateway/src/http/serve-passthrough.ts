import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream';
import httpProxy from 'http-proxy';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import { NO_USAGE } from '../domain/outcome.ts';
import { errorOf } from '../domain/retry.ts';
import type { Received } from '../exchange.ts';
import { passthroughPipeline } from '../pipeline.ts';
import type { ConnectGuard, Services } from '../services.ts';
import { type AttemptTimers, watchAttempt } from './attempt-timers.ts';
import { beginLife, failedOutcome, type Life } from './life.ts';
import { allowHeaders, RETURNED } from './passthrough-headers.ts';
import {
  type Beginning,
  beginAttempt,
  checkUrl,
  failedAttempt,
  noteBeginning,
  providerHeaders,
  refusedAttempt,
  targetUrl,
} from './passthrough-target.ts';
import { targetOf } from './read-request.ts';
import { realtime } from './serve-realtime.ts';
import { writeError } from './write-answer.ts';

/** Serves routes that are passed through untouched. */
export interface Passthrough {
  /** Never rejects. */
  serve(message: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Serves a WebSocket; `response` is assigned to the client's socket. Never rejects. */
  upgrade(message: IncomingMessage, response: ServerResponse, head: Buffer): Promise<void>;
  close(): void;
}

/** What the proxy needs beside the services. */
export interface PassthroughOptions {
  readonly guard: ConnectGuard;
  /** Silence of both sides after which a WebSocket is closed, ms; 0 = never. */
  readonly websocketIdleMs: number;
}

/** One request in the hands of http-proxy. */
interface Passing extends Beginning {
  readonly life: Life;
  readonly resolve: () => void;
  readonly reject: (error: GatewayError) => void;
  timers: AttemptTimers | undefined;
}

/**
 * Passes files, batches, audio, images and the realtime WebSocket through `http-proxy`: all rules apply that do not need
 * the body, bytes are counted and otherwise untouched, headers are allow-listed both ways, redirects are refused.
 */
export function passthrough(services: Services, { guard, websocketIdleMs }: PassthroughOptions): Passthrough {
  const { lookup } = guard;
  const agents = {
    http: new http.Agent({ keepAlive: true, lookup }),
    https: new https.Agent({ keepAlive: true, lookup }),
  };
  const agentOf = (url: string) => (url.startsWith('https:') ? agents.https : agents.http);
  const proxy = httpProxy.createProxyServer({ selfHandleResponse: true, ignorePath: true, xfwd: false });
  const sockets = realtime(services, { guard, agentOf, idleMs: websocketIdleMs });
  const passing = new WeakMap<IncomingMessage, Passing>();

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const life = beginLife(message, response, services);
    try {
      const path = targetOf(message.url ?? '');
      const received = life.received(path, new Uint8Array());
      const { targets, rateHeaders } = await passthroughPipeline.run(received, services);
      for (const [name, value] of Object.entries(rateHeaders)) response.setHeader(name, value);
      const beginning = beginAttempt(targets, services);
      noteBeginning(beginning, life);
      received.defer(beginning.attempt.end);
      const { located } = received;
      const url = targetUrl(message.url ?? '', beginning.target, located);
      await forward({ message, response }, { life, ...beginning, located }, url);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      life.end(failedOutcome(error, life.hasClientLeft()), error.details.internal);
      writeError(response, error, life.requestId);
    }
  }

  function forward(
    { message, response }: { readonly message: IncomingMessage; readonly response: ServerResponse },
    request: Beginning & Pick<Received, 'located'> & { readonly life: Life },
    url: string,
  ): Promise<void> {
    const { life, attempt, located } = request;
    checkUrl(guard, url, attempt);
    const own = { ...located?.location.addHeaders, ...providerHeaders(request, message.headers) };
    allowHeaders(message, 'http', { own, requestId: life.requestId });
    life.notes.bytesIn = 0;
    message.on('data', (chunk: Buffer) => {
      life.notes.bytesIn = (life.notes.bytesIn ?? 0) + chunk.length;
    });
    return new Promise((resolve, reject) => {
      passing.set(message, { ...request, resolve, reject, timers: undefined });
      // http-proxy keeps to itself that a client left before the provider had answered.
      response.once('close', () => {
        if (response.writableFinished) return;
        life.end({ kind: 'client_left', status: 499, usage: NO_USAGE });
        resolve();
      });
      proxy.web(message, response, { target: url, changeOrigin: true, agent: agentOf(url) }, (error) => {
        reject(failedAttempt(error, attempt, life));
      });
    });
  }

  // http-proxy listens for 'aborted', which Node no longer emits: without this the upstream request outlives the client.
  proxy.on('proxyReq', (upstreamRequest, message, response) => {
    const request = passing.get(message);
    if (request !== undefined) request.timers = watchAttempt(upstreamRequest, request.target.upstream);
    response.on('close', () => {
      if (!response.writableFinished) upstreamRequest.destroy();
    });
  });
  proxy.on('proxyRes', (upstreamResponse, message, response) => {
    const request = passing.get(message);
    if (request !== undefined) deliver(upstreamResponse, response, request);
  });

  return {
    serve,
    upgrade: sockets.serve,
    close() {
      proxy.close();
      sockets.close();
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

function deliver(
  upstream: IncomingMessage,
  response: ServerResponse,
  { life, attempt, key, timers, resolve, reject }: Passing,
): void {
  const status = upstream.statusCode ?? 502;
  timers?.answered();
  if (status < 400) attempt.answered(upstream.headers, key?.id);
  const failure = status < 400 ? undefined : refusedAttempt(upstream, { attempt, key });
  const isOfOurKey = key !== undefined && (status === 401 || status === 402);
  if (failure !== undefined && isOfOurKey) {
    // It is not the client's key that is wrong, and some providers repeat ours.
    upstream.destroy();
    reject(errorOf(failure));
    return;
  }
  if (status >= 300 && status < 400) {
    upstream.destroy();
    reject(new GatewayError('upstream_error', { message: 'The provider answered with a redirect.' }));
    return;
  }
  for (const name of RETURNED) {
    const value = upstream.headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
  response.setHeader('x-request-id', life.requestId);
  response.writeHead(status);
  life.firstByte();
  life.notes.bytesOut = 0;
  upstream.on('data', (chunk: Buffer) => {
    life.notes.bytesOut = (life.notes.bytesOut ?? 0) + chunk.length;
  });
  pipeline(upstream, response, (error) => {
    if (life.hasClientLeft()) life.end({ kind: 'client_left', status: 499, usage: NO_USAGE });
    else life.end({ kind: error ? 'partial' : 'completed', status, usage: NO_USAGE });
    resolve();
  });
}
