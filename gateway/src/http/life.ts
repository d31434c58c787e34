import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { locate } from '@ai-gateway/contracts';
import type { GatewayError } from '../domain/gateway-error.ts';
import { NO_USAGE, type Outcome, type TokenUsage } from '../domain/outcome.ts';
import type { DeferredTask, Notes, Received } from '../exchange.ts';
import type { RequestRecord, Services } from '../services.ts';
import { repeatedHeadersOf, type Target } from './read-request.ts';

/** The life of one request at the edge: what was read, whether the client is there, and its single end. */
export interface Life {
  readonly received: (target: Target, body: Uint8Array) => Received;
  readonly requestId: string;
  readonly notes: Notes;
  hasClientLeft(): boolean;
  firstByte(): void;
  /** Runs the deferred tasks, last registered first, and records the request; a second call does nothing. */
  end(outcome: Outcome, internal?: string): void;
}

/** Begins the life of a request. */
export function beginLife(message: IncomingMessage, response: ServerResponse, services: Services): Life {
  const arrivedAtMs = services.nowMs();
  const requestId = requestIdOf(message);
  const aborter = new AbortController();
  const tasks: DeferredTask[] = [];
  const notes = emptyNotes();
  let hasLeft = false;
  let hasEnded = false;
  let firstByteMs: number | undefined;

  response.on('close', () => {
    if (response.writableFinished) return;
    hasLeft = true;
    aborter.abort();
  });

  return {
    requestId,
    notes,
    received: ({ path, query }, body) => ({
      requestId,
      reservationId: randomUUID(),
      method: message.method ?? '',
      path,
      located: locate(services.config.current()?.locations ?? [], path),
      query,
      headers: message.headers,
      repeatedHeaders: repeatedHeadersOf(message.rawHeaders),
      body,
      arrivedAtMs,
      signal: aborter.signal,
      defer: (task) => tasks.push(task),
      notes,
    }),
    hasClientLeft: () => hasLeft,
    firstByte() {
      firstByteMs ??= services.nowMs() - arrivedAtMs;
    },
    end(outcome, internal) {
      if (hasEnded) return;
      hasEnded = true;
      runTasks(tasks, outcome, services);
      const durationMs = services.nowMs() - arrivedAtMs;
      // The target holds the provider's secret, so it stays here.
      const { target, ...noted } = notes;
      const upstreamId = target?.upstream.id;
      const { method = '', url = '' } = message;
      const about = { requestId, method, url, arrivedAtMs, durationMs, firstByteMs, upstreamId };
      record({ ...noted, ...about, outcome, internal }, services);
    },
  };
}

/** The outcome of a request that ended with an error before any of its answer was sent. */
export function failedOutcome(error: GatewayError, hasClientLeft: boolean, usage: TokenUsage = NO_USAGE): Outcome {
  if (hasClientLeft) return { kind: 'client_left', status: 499, usage };
  return { kind: kindOf(error), status: error.status, errorCode: error.code, usage };
}

/**
 * What a request has used whose answer never began: its input, once an upstream has accepted it or the client left
 * while one was being asked; nothing before that, and nothing when every upstream has failed.
 */
export async function usageOfFailure({ notes, hasClientLeft }: Life): Promise<TokenUsage> {
  const isUsed = notes.isAccepted || (hasClientLeft() && notes.attempts > 0);
  if (!isUsed || notes.countedInput === undefined) return NO_USAGE;
  const counted = await notes.countedInput().catch(() => undefined);
  if (counted === undefined) return NO_USAGE;
  return { inputTokens: counted.tokens, outputTokens: 0, source: counted.exact ? 'counted' : 'estimated' };
}

function kindOf(error: GatewayError): Outcome['kind'] {
  if (error.code === 'internal_error') return 'crashed';
  return error.code.startsWith('upstream_') || error.code === 'no_healthy_upstream' ? 'upstream_failed' : 'refused';
}

function runTasks(tasks: readonly DeferredTask[], outcome: Outcome, { log }: Services): void {
  for (const task of tasks.toReversed()) {
    try {
      const result = task(outcome);
      if (result instanceof Promise)
        result.catch((error) => log.error({ error: String(error) }, 'deferred task failed'));
    } catch (error) {
      log.error({ error: String(error) }, 'deferred task failed');
    }
  }
}

function record(facts: RequestRecord, { metrics, log, requestLog }: Services): void {
  metrics.request(facts);
  log.request(facts);
  requestLog.note(facts);
}

/** The client's id if it is harmless in logs and headers, else a new one. */
function requestIdOf(message: IncomingMessage): string {
  const given = message.headers['x-request-id'];
  if (typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given)) return given;
  return `req_${randomUUID().replaceAll('-', '')}`;
}

/** Notes of a request of which nothing is known yet. */
export function emptyNotes(): Notes {
  return {
    namespaceId: undefined,
    namespace: 'none',
    virtualKeyId: undefined,
    requestedModel: '',
    resolvedModel: '',
    modelLabel: 'other',
    provider: undefined,
    target: undefined,
    providerKeyId: undefined,
    isStream: false,
    attempts: 0,
    isCached: false,
    revision: 0,
    bytesIn: undefined,
    bytesOut: undefined,
    overheadMs: undefined,
    dropped: [],
    isAccepted: false,
    countedInput: undefined,
    refusedByPolicyIds: [],
    observedPolicyIds: [],
    matcherId: undefined,
    matched: undefined,
    facts: undefined,
    kind: undefined,
    clientMaxTokens: undefined,
    choices: 1,
    demand: undefined,
    outputCap: undefined,
    charge: undefined,
    waitedMs: 0,
  };
}
