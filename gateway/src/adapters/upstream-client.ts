import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, constants as zlib } from 'node:zlib';
import type { Upstream } from '@ai-gateway/contracts';
import { type Dispatcher, Pool } from 'undici';
import { askedWaitMs } from '../domain/provider-quota.ts';
import type { AttemptFailure } from '../domain/retry.ts';
import { type ConnectGuard, type UpstreamClient, UpstreamFailure, type UpstreamResponse } from '../services.ts';

/** Bytes that may wait for the client before the upstream is paused. */
const HIGH_WATER_BYTES = 65_536;

/** Most of an error body that is read for its message. */
const MAX_ERROR_BYTES = 65_536;

/** Pools are kept per address and connect timeout; beyond this number unused ones are closed. */
const MAX_POOLS = 1_000;

/** One HTTP attempt on undici's dispatch, with separate timeouts for connect, first byte, silence and the whole. */
export function httpUpstreamClient(guard: ConnectGuard): UpstreamClient {
  const pools = new Map<string, Pool>();

  function poolOf(upstream: Upstream): Pool {
    const key = `${upstream.baseUrl} ${upstream.connectTimeoutMs}`;
    const known = pools.get(key);
    if (known !== undefined) return known;
    if (pools.size >= MAX_POOLS) dropOldest(pools);
    const url = new URL(upstream.baseUrl);
    guard.check(url);
    const pool = new Pool(url.origin, {
      connect: { timeout: upstream.connectTimeoutMs, lookup: guard.lookup },
      keepAliveTimeout: 30_000,
    });
    pools.set(key, pool);
    return pool;
  }

  return {
    async send({ upstream, path, headers, body }, signal) {
      const pool = poolOf(upstream);
      const exchange = new Exchange(signal, upstream.totalTimeoutMs);
      pool.dispatch(
        {
          path,
          method: 'POST',
          headers: { ...headers },
          body,
          headersTimeout: upstream.firstByteTimeoutMs,
          bodyTimeout: upstream.idleTimeoutMs,
        },
        exchange,
      );
      const { status, headers: received } = await exchange.response;
      if (status < 200 || status > 299) throw await statusFailure(status, received, exchange);
      const answer = decoded(received['content-encoding'], exchange);
      return { status, headers: received, body: answer, close: () => exchange.leave() };
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

type Headers = UpstreamResponse['headers'];

/** One request in undici's hands, readable as an async iterable with back-pressure. */
class Exchange implements Dispatcher.DispatchHandler, AsyncIterable<Buffer> {
  readonly response: Promise<{ status: number; headers: Headers }>;
  #answer: (head: { status: number; headers: Headers }) => void = () => {};
  #refuse: (error: UpstreamFailure) => void = () => {};
  #controller: Dispatcher.DispatchController | undefined;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isPaused = false;
  #isEnded = false;
  #failure: UpstreamFailure | undefined;
  #wake: (() => void) | undefined;
  #abandoned: UpstreamFailure | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#abandon(new UpstreamFailure({ kind: 'network', internal: 'the client left' }));

  constructor(signal: AbortSignal, totalTimeoutMs: number) {
    this.response = new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#refuse = reject;
    });
    this.#signal = signal;
    this.#timer = setTimeout(
      () =>
        this.#abandon(new UpstreamFailure({ kind: 'timeout', internal: `total time of ${totalTimeoutMs} ms is over` })),
      totalTimeoutMs,
    );
    this.#timer.unref();
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#abandoned !== undefined) controller.abort(this.#abandoned);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status >= 200) this.#answer({ status, headers });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#queuedBytes > HIGH_WATER_BYTES) {
      this.#isPaused = true;
      controller.pause();
    }
    this.#wake?.();
  }

  onResponseEnd(): void {
    this.#finish();
    this.#isEnded = true;
    this.#wake?.();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#finish();
    this.#failure = error instanceof UpstreamFailure ? error : new UpstreamFailure(failureOf(error));
    this.#refuse(this.#failure);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      while (true) {
        const chunk = this.#take();
        if (chunk !== undefined) yield chunk;
        else if (this.#failure !== undefined) throw this.#failure;
        else if (this.#isEnded) return;
        else await this.#more();
      }
    } finally {
      this.leave();
    }
  }

  /** Ends the request unless it has ended. */
  leave(): void {
    // Most have ended, and a reason with its stack would cost more than anything else here.
    if (this.#isEnded) return;
    this.#abandon(new UpstreamFailure({ kind: 'network', internal: 'the answer was left early' }));
  }

  /** All that waits, as one buffer: fewer and larger writes when the upstream is faster than the client. */
  #take(): Buffer | undefined {
    if (this.#queue.length === 0) return undefined;
    const [first] = this.#queue;
    const chunk = this.#queue.length === 1 && first !== undefined ? first : Buffer.concat(this.#queue);
    this.#queue = [];
    this.#queuedBytes = 0;
    // Resuming may deliver data, and pause again, before it returns: all state is settled by then.
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#controller?.resume();
    }
    return chunk;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #abandon(reason: UpstreamFailure): void {
    if (this.#abandoned !== undefined || this.#isEnded) return;
    this.#abandoned = reason;
    this.#finish();
    this.#refuse(reason);
    this.#controller?.abort(reason);
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}

function failureOf(error: Error): AttemptFailure {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const internal = `${code} ${error.message}`.trim();
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return { kind: 'timeout', internal };
  const isConnect = [
    'UND_ERR_CONNECT_TIMEOUT',
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'EADDRNOTALLOWED',
  ].includes(code);
  return { kind: isConnect ? 'connect' : 'network', internal };
}

async function statusFailure(status: number, headers: Headers, body: AsyncIterable<Buffer>): Promise<UpstreamFailure> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_ERROR_BYTES) break;
    }
  } catch {
    // A broken error body says no less than the status alone.
  }
  return new UpstreamFailure({
    kind: 'status',
    status,
    ...messagesIn(Buffer.concat(chunks).toString()),
    retryAfterMs: askedWaitMs(status, headers, Date.now()),
  });
}

/** What may be in the body of an error. */
interface ErrorBody {
  readonly error?: { readonly message?: unknown } | string;
  readonly message?: unknown;
  /** `failure`: of a Portkey gateway that asked nobody. */
  readonly status?: unknown;
  readonly errors?: unknown;
}

/** The provider's own sentence, from the fields in which OpenAI-compatible providers put it, and that of a router. */
function messagesIn(text: string): { readonly message: string | undefined; readonly routerMessage?: string } {
  try {
    const { error, message, status, errors } = JSON.parse(text) as ErrorBody;
    const found = typeof error === 'object' ? error?.message : (error ?? message);
    const said = typeof found === 'string' ? found : undefined;
    if (status !== 'failure') return { message: said };
    return { message: said, routerMessage: [said, ...(Array.isArray(errors) ? errors : [])].join('; ') };
  } catch {
    return { message: undefined };
  }
}

/** The body in plain bytes: providers that compress although `identity` was asked for are decoded as they come. */
function decoded(encoding: string | readonly string[] | undefined, body: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  if (encoding === undefined || encoding === 'identity') return body;
  const decoder = decoderOf(encoding);
  // Whoever reads the decoder learns of a failure from it; leaving it early ends the source the same way.
  pipeline(Readable.from(body), decoder, () => {});
  return decoder;
}

function decoderOf(encoding: string | readonly string[]): Transform {
  const flush = { flush: zlib.Z_SYNC_FLUSH, finishFlush: zlib.Z_SYNC_FLUSH };
  switch (encoding) {
    case 'gzip':
      return createGunzip(flush);
    case 'deflate':
      return createInflate(flush);
    case 'br':
      return createBrotliDecompress();
    default:
      throw new UpstreamFailure({ kind: 'network', internal: `content-encoding ${String(encoding)}` });
  }
}

function dropOldest(pools: Map<string, Pool>): void {
  const [oldest] = pools;
  if (oldest === undefined) return;
  pools.delete(oldest[0]);
  void oldest[1].close();
}
