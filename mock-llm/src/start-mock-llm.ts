import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Asked, complete, deliverError, deliverFault } from './complete.ts';
import { ControlError, type Controls, readControls } from './controls.ts';
import { type Delivery, deliverBody } from './delivery.ts';
import { MODELS, modelEntry, servesModel } from './models.ts';
import { generateImage, listFiles, receiveFile, speak } from './passthrough.ts';
import { send } from './send.ts';
import { type CountedRequest, headersFrom, type MockStats, startTraffic, type Traffic } from './traffic.ts';

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_CACHED = 512;
const MAX_CACHED_BYTES = 256 * 1024;
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
  const mock: Mock = { extraModels: models, traffic: startTraffic(), cache: new Map(), attempts: new Map() };
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

interface Mock {
  readonly extraModels: readonly string[];
  readonly traffic: Traffic;
  /** Deliveries by path and body, for requests that no header or counter can change. Bounded by `MAX_CACHED`. */
  readonly cache: Map<string, Delivery>;
  /** How often each body that carries `times` came. Bounded by `MAX_CACHED`. */
  readonly attempts: Map<string, number>;
}

function reset({ traffic, cache, attempts }: Mock): void {
  traffic.reset();
  cache.clear();
  attempts.clear();
}

function route(mock: Mock, request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? '/';
  if (request.method === 'POST' && (url === '/v1/chat/completions' || url === '/v1/completions')) {
    answerCompletion(mock, request, response);
    return;
  }
  const path = url.split('?', 1)[0] ?? '';
  if (path === '/health' || path.startsWith('/_mock/')) {
    answerOwn(mock, path, request, response);
    return;
  }
  answerOther(mock, path, request, response);
}

/** The two endpoints that benchmarks call: a known body is answered from the cache, without parsing it. */
function answerCompletion(mock: Mock, request: IncomingMessage, response: ServerResponse): void {
  const counted = mock.traffic.open(request, response);
  collectBody(request, response, (body) => {
    counted.keepBody(body);
    const isCacheable = body.length <= MAX_CACHED_BYTES && !hasControls(request);
    const key = isCacheable ? request.url + body.toString('latin1') : '';
    const known = isCacheable ? mock.cache.get(key) : undefined;
    deliver(response, counted, known ?? fresh(mock, request, body, isCacheable ? key : undefined));
  });
}

function fresh(mock: Mock, request: IncomingMessage, body: Buffer, key: string | undefined): Delivery {
  const url = request.url ?? '';
  const path = url.split('?', 1)[0];
  const text = body.toString('utf8');
  let isRepeatable = !text.includes('times') && !text.includes('echo-request');
  const delivery = complete(askedOf(path === '/v1/completions' ? 'completion' : 'chat', request, text), {
    extraModels: mock.extraModels,
    attempt: () => {
      isRepeatable = false;
      return (
        bounded(mock.attempts)
          .set(text, (mock.attempts.get(text) ?? 0) + 1)
          .get(text) ?? 1
      );
    },
  });
  const size = delivery.writes?.reduce((total, bytes) => total + bytes.length, 0) ?? 0;
  if (key !== undefined && isRepeatable && size <= MAX_CACHED_BYTES) bounded(mock.cache).set(key, delivery);
  return delivery;
}

function askedOf(kind: Asked['kind'], request: IncomingMessage, body: string): Asked {
  return { kind, headers: headersFrom(request.rawHeaders), query: queryControls(request.url ?? ''), body };
}

function answerOwn(mock: Mock, path: string, request: IncomingMessage, response: ServerResponse): void {
  const call = `${request.method} ${path}`;
  if (call === 'GET /health') return sendJson(response, { status: 'ok', service: 'mock-llm' });
  if (call === 'GET /_mock/stats') return sendJson(response, mock.traffic.stats());
  if (call === 'POST /_mock/reset') {
    reset(mock);
    return sendJson(response, { status: 'ok' });
  }
  const { status, bytes } = noSuchPath(call);
  response.writeHead(status, { 'content-type': 'application/json' }).end(bytes);
}

function answerOther(mock: Mock, path: string, request: IncomingMessage, response: ServerResponse): void {
  const counted = mock.traffic.open(request, response);
  if (request.method === 'POST' && path === '/v1/files') {
    receiveUpload(request, response, counted);
    return;
  }
  collectBody(request, response, (body) => {
    counted.keepBody(body);
    deliver(response, counted, plannedAnswer(mock, path, request, body));
  });
}

function plannedAnswer(mock: Mock, path: string, request: IncomingMessage, body: Buffer): Delivery {
  const call = `${request.method} ${path}`;
  // With a query string these two come here and not to the fast path.
  if (call === 'POST /v1/chat/completions' || call === 'POST /v1/completions') {
    return fresh(mock, request, body, undefined);
  }
  const read = controlsOrFault(request, body);
  if ('fault' in read) return read.fault;
  const { controls } = read;
  const fault = deliverFault(controls);
  if (fault !== undefined) return fault;

  switch (call) {
    case 'GET /v1/files':
      return listFiles(controls);
    case 'POST /v1/images/generations':
      return generateImage(controls);
    case 'POST /v1/audio/speech':
      return speak(controls);
    case 'GET /v1/models':
      return json({ object: 'list', data: [...MODELS, ...mock.extraModels].map(modelEntry) }, controls);
    default:
      return modelOrNothing(mock, call, controls);
  }
}

function modelOrNothing(mock: Mock, call: string, controls: Controls): Delivery {
  const id = decodedModelId(call);
  if (id === undefined) return deliverBody({ contentType: 'application/json', ...noSuchPath(call) }, controls);
  if (servesModel(id, mock.extraModels)) return json(modelEntry(id), controls);
  return deliverError({ status: 404, message: `The model '${id}' does not exist` }, controls);
}

function decodedModelId(call: string): string | undefined {
  const encoded = /^GET \/v1\/models\/(.+)$/.exec(call)?.[1];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function receiveUpload(request: IncomingMessage, response: ServerResponse, counted: CountedRequest): void {
  const read = controlsOrFault(request, undefined);
  if ('fault' in read) {
    request.resume();
    deliver(response, counted, read.fault);
    return;
  }
  const fault = deliverFault(read.controls);
  if (fault !== undefined) {
    request.resume();
    deliver(response, counted, fault);
    return;
  }
  receiveFile(request, read.controls).then(
    (delivery) => deliver(response, counted, delivery),
    () => response.destroy(),
  );
}

/** Controls of the endpoints that have no messages: headers, query, and the texts `input` and `prompt` of a JSON body. */
function controlsOrFault(
  request: IncomingMessage,
  body: Buffer | undefined,
): { readonly controls: Controls } | { readonly fault: Delivery } {
  try {
    const headers = headersFrom(request.rawHeaders);
    const controls = readControls({ headers, query: queryControls(request.url ?? ''), text: directiveTextOf(body) });
    return { controls };
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    return { fault: deliverError({ status: 400, message: `mock-llm: ${error.message}` }, {}) };
  }
}

function directiveTextOf(body: Buffer | undefined): string | undefined {
  if (body === undefined || !body.includes('[mock')) return undefined;
  try {
    const { input, prompt } = JSON.parse(body.toString('utf8')) as { input?: unknown; prompt?: unknown };
    return [input, prompt].filter((text) => typeof text === 'string').join('\n');
  } catch {
    return undefined;
  }
}

function queryControls(url: string): string | undefined {
  const mark = url.indexOf('?');
  if (mark < 0) return undefined;
  return new URLSearchParams(url.slice(mark + 1)).get('mock') ?? undefined;
}

function hasControls(request: IncomingMessage): boolean {
  const { rawHeaders } = request;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length > 7 && name.slice(0, 7).toLowerCase() === 'x-mock-') return true;
  }
  return false;
}

function collectBody(request: IncomingMessage, response: ServerResponse, onBody: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  });
  request.on('end', () => {
    if (size > MAX_BODY_BYTES) {
      response.writeHead(413, { 'content-type': 'application/json', connection: 'close' });
      response.end('{"error":{"message":"Body too large.","type":"invalid_request_error","param":null,"code":null}}');
      return;
    }
    const only = chunks[0];
    onBody(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks));
  });
}

function deliver(response: ServerResponse, counted: CountedRequest, delivery: Delivery): void {
  send(response, delivery, counted.closedByMock).catch(() => {
    // Headers that Node refuses to send are a mistake in a control: better a torn answer than a dead mock.
    response.destroy();
  });
}

function noSuchPath(call: string): { readonly status: number; readonly bytes: Buffer } {
  const message = `Invalid URL (${call})`;
  const error = { message, type: 'invalid_request_error', param: null, code: null };
  return { status: 404, bytes: Buffer.from(JSON.stringify({ error })) };
}

function json(value: unknown, controls: Controls): Delivery {
  return deliverBody({ contentType: 'application/json', bytes: Buffer.from(JSON.stringify(value)) }, controls);
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Empties a full map, so that what clients send cannot fill the memory. */
function bounded<V>(map: Map<string, V>): Map<string, V> {
  if (map.size >= MAX_CACHED) map.clear();
  return map;
}
