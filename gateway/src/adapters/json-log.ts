import { pino } from 'pino';
import type { Log, RequestRecord } from '../services.ts';

/** Request lines wait at most this long to be written together: a write per request would cost as much as the routing. */
const FLUSH_MS = 500;
const FLUSH_BYTES = 8_192;

/** JSON lines on stdout: one per ended request, and what operators must know. Never a secret, never a prompt. */
export function jsonLog(level: string): Log & { close(): void } {
  const destination = pino.destination({ sync: false, minLength: FLUSH_BYTES });
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const timer = setInterval(() => destination.flush(), FLUSH_MS);
  timer.unref();
  const now = (kind: 'info' | 'warn' | 'error') => (fields: Record<string, unknown>, message: string) => {
    logger[kind](fields, message);
    destination.flush();
  };
  return {
    request(record) {
      logger[levelOf(record)](lineOf(record), 'request');
    },
    info: now('info'),
    warn: now('warn'),
    error: now('error'),
    close() {
      clearInterval(timer);
      destination.flushSync();
    },
  };
}

function levelOf({ outcome }: RequestRecord): 'info' | 'warn' | 'error' {
  if (outcome.kind === 'crashed') return 'error';
  return outcome.kind === 'upstream_failed' || outcome.kind === 'partial' ? 'warn' : 'info';
}

/** The usage event of contracts, plus the internal reason of an error. Written out: copying the record costs more. */
function lineOf(record: RequestRecord): Record<string, unknown> {
  const { outcome } = record;
  return {
    requestId: record.requestId,
    at: new Date(record.arrivedAtMs).toISOString(),
    namespace: record.namespace,
    virtualKeyId: record.virtualKeyId,
    requestedModel: record.requestedModel,
    resolvedModel: record.resolvedModel,
    provider: record.provider,
    upstreamId: record.upstreamId,
    providerKeyId: record.providerKeyId,
    isStream: record.isStream,
    outcome: outcome.kind,
    status: outcome.status,
    errorCode: outcome.errorCode,
    refusedByPolicyIds: record.refusedByPolicyIds.length === 0 ? undefined : record.refusedByPolicyIds,
    observedPolicyIds: record.observedPolicyIds.length === 0 ? undefined : record.observedPolicyIds,
    inputTokens: outcome.usage.inputTokens,
    outputTokens: outcome.usage.outputTokens,
    bytesIn: record.bytesIn,
    bytesOut: record.bytesOut,
    usageSource: outcome.usage.source,
    durationMs: Math.round(record.durationMs * 1000) / 1000,
    firstByteMs: record.firstByteMs === undefined ? undefined : Math.round(record.firstByteMs * 1000) / 1000,
    attempts: record.attempts,
    revision: record.revision,
    internal: record.internal,
  };
}
