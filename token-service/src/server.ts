import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  batchCalculateRequest,
  type ModelResponse,
  type ModelsResponse,
  NOT_PACKED,
  observationsRequest,
} from '@ai-gateway/contracts';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { type Answer, type AnswerParts, answer, QUESTIONS, type QuestionKind, ratiosOf } from './answers.ts';
import type { Calibrations } from './domain/calibration.ts';
import { bareModelName } from './domain/model-table.ts';
import type { ServiceMetrics } from './metrics.ts';
import type { ModelFile } from './model-file.ts';
import { checked, jsonIn, RequestError } from './parse-body.ts';
import { isLarge, isSlow, type Workers } from './workers.ts';

export interface ServerOptions extends Omit<AnswerParts, 'models' | 'ratioOf'> {
  readonly models: ModelFile;
  readonly calibrations: Calibrations;
  readonly workers: Workers;
  readonly metrics: ServiceMetrics;
  readonly maxBodyBytes: number;
  /** Told of every failure that is nobody's mistake but ours. */
  readonly onFailure: (error: unknown) => void;
}

type Respond = (body: Buffer, signal: AbortSignal) => Promise<unknown>;

/** The service's HTTP server: the questions of the hot path straight from node:http, the rest through express. */
export function tokenServer(options: ServerOptions): Server {
  const { metrics, workers, calibrations } = options;
  const parts: AnswerParts = { ...options, ratioOf: calibrations.ratioOf };

  async function ask(kind: QuestionKind, body: Buffer, signal: AbortSignal): Promise<Answer> {
    const stop = metrics.seconds.startTimer({ kind });
    const found = await answerOf(kind, body, signal);
    stop();
    metrics.items.inc({ kind, vocabulary: found.vocabulary, exact: String(found.exact) });
    return found;
  }

  async function answerOf(kind: QuestionKind, body: Buffer, signal: AbortSignal): Promise<Answer> {
    const askWorker = () => workers.ask({ kind, body, ratios: ratiosOf(calibrations.all()) }, signal);
    if (isLarge(kind, body.length)) return askWorker();
    const json = jsonIn(body);
    return isSlow(json, body.length) ? askWorker() : answer(kind, json, parts);
  }

  async function askAll(body: Buffer, signal: AbortSignal) {
    const { items } = checked(jsonIn(body), batchCalculateRequest);
    const results = [];
    for (const item of items) {
      results.push(await askOne(item, signal));
      // Other requests get their turn between two items.
      await nextTurn();
    }
    return { success: true, results };
  }

  /** One item of a batch; its failure is its own. */
  async function askOne(item: unknown, signal: AbortSignal) {
    try {
      return await ask('calculate', Buffer.from(JSON.stringify(item)), signal);
    } catch (error) {
      const status = statusOf(error);
      if (status === 500 || signal.aborted) throw error;
      return { success: false, error: (error as Error).message };
    }
  }

  const hot: Readonly<Record<string, Respond>> = {
    ...Object.fromEntries(
      QUESTIONS.map((kind): [string, Respond] => [`/${kind}`, (body, signal) => ask(kind, body, signal)]),
    ),
    '/batch-calculate': askAll,
  };
  const app = restApp(options);
  return createServer((message, response) => {
    const respond = message.method === 'POST' ? hot[message.url ?? ''] : undefined;
    if (respond === undefined) app(message, response);
    else void serve(message, response, respond, options);
  });
}

async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  respond: Respond,
  { maxBodyBytes, onFailure }: Pick<ServerOptions, 'maxBodyBytes' | 'onFailure'>,
): Promise<void> {
  const aborter = new AbortController();
  response.on('close', () => aborter.abort());
  try {
    const body = await readBody(message, maxBodyBytes);
    send(response, 200, await respond(body, aborter.signal));
  } catch (error) {
    if (response.destroyed) return;
    const status = statusOf(error);
    if (status === 500) onFailure(error);
    const detail = status === 500 ? 'The count failed.' : (error as Error).message;
    send(response, status, { success: false, error: detail, detail }, extraHeaders(status));
  }
}

/** After 413 the rest of the body is not read, so the connection cannot be used again. */
function extraHeaders(status: number): Record<string, string> {
  if (status === 503) return { 'retry-after': '1' };
  return status === 413 ? { connection: 'close' } : {};
}

/** Refusals carry their status; what has none is our fault. */
function statusOf(error: unknown): number {
  const { status } = error as { readonly status?: unknown };
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    size += (chunk as Buffer).length;
    if (size > maxBytes) throw new RequestError(413, `The body has at most ${maxBytes} bytes.`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

const ENDPOINTS = [
  'POST /calculate',
  'POST /batch-calculate',
  'POST /tokenize',
  'POST /cut',
  'GET /models',
  'GET /models/{model}',
  'GET /vocabularies/{name}/{version}',
  'POST /observations',
  'GET /health',
  'GET /metrics',
] as const;

/** Everything off the hot path. */
function restApp({ models, library, calibrations, metrics, onFailure }: ServerOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/', (_request, response) => {
    const chat = { model: 'Qwen3-8B', messages: [{ role: 'user', content: '你好' }] };
    const formats = { chat, text: { model_name: 'Qwen3-8B', text: '你好' } };
    response.json({ service: 'token-service', endpoints: ENDPOINTS, formats });
  });
  app.get('/health', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/models', (_request, response) => {
    const rows = [...models.rows()];
    const body: ModelsResponse = {
      success: true,
      models: rows,
      vocabularies: [...library.list()],
      calibrations: calibrations.all(),
    };
    response.json(body);
  });
  app.get('/models/:model', async ({ params: { model } }, response) => {
    const { vocabulary, exact_text: exact } = models.familyOf(model);
    const packed = await library.packed(vocabulary);
    const ratio = exact ? 1 : calibrations.ratioOf(bareModelName(model), 'output');
    const body: ModelResponse = {
      success: true,
      model,
      vocabulary,
      version: packed?.version ?? NOT_PACKED,
      exact,
      ratio,
    };
    response.json(body);
  });
  app.get('/vocabularies/:name/:version', async ({ params: { name, version } }, response) => {
    const packed = await library.packed(name);
    if (packed?.version !== version) throw new RequestError(404, 'There is no such version of the vocabulary.');
    response
      .set('cache-control', 'public, max-age=31536000, immutable')
      .type('application/octet-stream')
      .send(packed.bytes);
  });
  app.post('/observations', express.raw({ type: () => true, limit: '1mb' }), (request, response) => {
    const { observations } = checked(jsonIn(request.body), observationsRequest);
    for (const { model, ...observed } of observations) {
      if (!models.familyOf(model).exact_text) calibrations.learn(bareModelName(model), observed);
    }
    response.status(202).json({ success: true });
  });
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  app.use(() => {
    throw new RequestError(404, 'There is no such path.');
  });
  app.use(failures(onFailure));
  return app;
}

const failures =
  (onFailure: ServerOptions['onFailure']): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const status = statusOf(error);
    if (status === 500) onFailure(error);
    const detail = status === 500 ? 'The token service failed.' : (error as Error).message;
    response.status(status).json({ success: false, error: detail, detail });
  };
