import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { batchCalculateRequest, calculateRequest, cutRequest } from '@ai-gateway/contracts';
import express, { type Express } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { z } from 'zod';
import type { Question } from './counter.ts';
import { type Counting, QueueFull } from './counting.ts';
import { families } from './domain/choose-vocabulary.ts';

export interface ServerOptions {
  readonly counting: Counting;
  readonly maxBodyBytes: number;
}

/** An answer that is not 200. */
class RequestError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Respond = (body: Buffer, signal: AbortSignal) => Promise<unknown>;

/** The service's HTTP server: the questions of the hot path straight from node:http, the rest through express. */
export function tokenServer(options: ServerOptions): Server {
  const metrics = serviceMetrics(options.counting);
  const hot: Readonly<Record<string, Respond>> = {
    '/calculate': (body, signal) => ask('calculate', parse(body, calculateRequest), body.length, signal),
    '/cut': (body, signal) => ask('cut', parse(body, cutRequest), body.length, signal),
    '/batch-calculate': (body, signal) => askAll(body, signal),
  };

  async function ask(kind: Question['kind'], request: unknown, size: number, signal: AbortSignal) {
    const stop = metrics.seconds.startTimer({ kind });
    const answer = await options.counting.ask({ kind, request } as Question, size, signal);
    stop();
    metrics.items.inc({ kind, vocabulary: answer.vocabulary, exact: String(answer.exact) });
    return answer;
  }

  async function askAll(body: Buffer, signal: AbortSignal) {
    const { items } = parse(body, batchCalculateRequest);
    const results = [];
    // The size of the whole decides where each item is counted: many middling items would block as one large one does.
    for (const item of items) results.push(await askOne(item, body.length, signal));
    return { success: true, results };
  }

  /** One item of a batch; its failure is its own. */
  async function askOne(item: unknown, size: number, signal: AbortSignal) {
    const checked = calculateRequest.safeParse(item);
    if (!checked.success) return { success: false, error: sentenceOf(checked.error, item) };
    try {
      return await ask('calculate', checked.data, size, signal);
    } catch (error) {
      if (error instanceof QueueFull) return { success: false, error: error.message };
      throw error;
    }
  }

  const app = restApp(metrics.registry);
  return createServer((message, response) => {
    const respond = message.method === 'POST' ? hot[message.url ?? ''] : undefined;
    if (respond === undefined) app(message, response);
    else void serve(message, response, respond, options.maxBodyBytes);
  });
}

async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  respond: Respond,
  maxBytes: number,
): Promise<void> {
  const aborter = new AbortController();
  response.on('close', () => aborter.abort());
  try {
    const body = await readBody(message, maxBytes);
    send(response, 200, await respond(body, aborter.signal));
  } catch (error) {
    if (response.destroyed) return;
    const status = statusOf(error);
    const detail = status === 500 ? 'The count failed.' : (error as Error).message;
    send(response, status, { success: false, error: detail, detail }, extraHeaders(status));
  }
}

/** After 413 the rest of the body is not read, so the connection cannot be used again. */
function extraHeaders(status: number): Record<string, string> {
  if (status === 503) return { 'retry-after': '1' };
  return status === 413 ? { connection: 'close' } : {};
}

function statusOf(error: unknown): number {
  if (error instanceof RequestError) return error.status;
  return error instanceof QueueFull ? 503 : 500;
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

function parse<T extends z.ZodType>(body: Buffer, shape: T): z.infer<T> {
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch {
    throw new RequestError(400, 'The body is not valid JSON.');
  }
  const checked = shape.safeParse(json);
  if (checked.success) return checked.data;
  throw new RequestError(400, sentenceOf(checked.error, json));
}

/** The first fault, with the field it is in. Of the two forms, the one that the request looks like is judged. */
function sentenceOf({ issues: [issue] }: z.ZodError, request: unknown): string {
  if (issue?.code !== 'invalid_union') return `${issue?.path.join('.')}: ${issue?.message}`;
  const isTextForm = typeof request === 'object' && request !== null && ('text' in request || 'model_name' in request);
  const inner = issue.errors[isTextForm ? 1 : 0]?.[0];
  const form = isTextForm ? 'text form {model_name, text}' : 'chat form {model, messages}';
  return `${inner?.path.join('.')}: ${inner?.message} (${form})`;
}

/** Everything off the hot path. */
function restApp(registry: Registry): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/', (_request, response) => {
    response.json({
      service: 'token-service',
      endpoints: [
        'POST /calculate',
        'POST /batch-calculate',
        'POST /cut',
        'GET /models',
        'GET /health',
        'GET /metrics',
      ],
      formats: {
        chat: { model: 'Qwen3-8B', messages: [{ role: 'user', content: '你好' }] },
        text: { model_name: 'Qwen3-8B', text: '你好' },
      },
    });
  });
  app.get('/health', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/models', (_request, response) => {
    response.json({ success: true, models: families() });
  });
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  app.use((_request, response) => {
    response.status(404).json({ success: false, error: 'not found', detail: 'There is no such path.' });
  });
  return app;
}

function serviceMetrics(counting: Counting) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'token_service_' });
  const registers = [registry];
  new Gauge({
    name: 'token_service_queue_length',
    help: 'Large texts that wait for a worker.',
    registers,
    collect() {
      this.set(counting.queueLength());
    },
  });
  return {
    registry,
    items: new Counter({
      name: 'token_service_items_total',
      help: 'Questions answered, by kind, vocabulary and exactness.',
      labelNames: ['kind', 'vocabulary', 'exact'],
      registers,
    }),
    seconds: new Histogram({
      name: 'token_service_count_seconds',
      help: 'Time to answer one question.',
      labelNames: ['kind'],
      buckets: [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers,
    }),
  };
}
