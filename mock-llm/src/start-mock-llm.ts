import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerCompletion, type MockState } from './completion-endpoint.ts';
import { errorBody } from './mock-error.ts';
import { answerOther } from './other-endpoints.ts';
import { type MockStats, startTraffic } from './traffic.ts';

// Longer than any client keeps an idle connection, so that no request meets a closing socket.
const KEEP_ALIVE_MS = 300_000;

export interface MockOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Models served beside the built-in ones. */
  readonly models?: readonly string[];
}

export interface MockLlm {
  /** `http://host:port`, without a path. */
  readonly url: string;
  readonly port: number;
  /** The same as `GET /_mock/stats`. */
  stats(): MockStats;
  /** The same as `POST /_mock/reset`. */
  reset(): void;
  /** Closes the server and every open connection at once. */
  close(): Promise<void>;
}

/** Starts the fake provider in this process. Fails as `listen` fails, with `EADDRINUSE` for a taken port. */
export async function startMockLlm({ port, host = '127.0.0.1', models = [] }: MockOptions): Promise<MockLlm> {
  const mock: MockState = { extraModels: models, traffic: startTraffic(), cache: new Map(), attempts: new Map() };
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    route(mock, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  // A server listening on TCP has an address object.
  const listening = (server.address() as AddressInfo).port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${listening}`,
    port: listening,
    stats: () => mock.traffic.stats(),
    reset: () => reset(mock),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function reset({ traffic, cache, attempts }: MockState): void {
  traffic.reset();
  cache.clear();
  attempts.clear();
}

function route(mock: MockState, request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  if (request.method === 'POST' && (path === '/v1/chat/completions' || path === '/v1/completions')) {
    answerCompletion(mock, request, response);
    return;
  }
  if (path === '/health' || path.startsWith('/_mock/')) {
    answerOwn(mock, `${request.method} ${path}`, response);
    return;
  }
  answerOther(mock, request, response);
}

function answerOwn(mock: MockState, call: string, response: ServerResponse): void {
  switch (call) {
    case 'GET /health':
    case 'HEAD /health':
      sendJson(response, 200, JSON.stringify({ status: 'ok', service: 'mock-llm' }));
      return;
    case 'GET /_mock/stats':
      sendJson(response, 200, JSON.stringify(mock.traffic.stats()));
      return;
    case 'POST /_mock/reset':
      reset(mock);
      sendJson(response, 200, JSON.stringify({ status: 'ok' }));
      return;
    default:
      sendJson(response, 404, errorBody({ status: 404, message: `Invalid URL (${call})`, code: null }));
  }
}

function sendJson(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
