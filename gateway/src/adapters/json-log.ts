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

/** The usage event of contracts, plus the internal reason of an error. */
function lineOf(record: RequestRecord): Record<string, unknown> {
  const { outcome, arrivedAtMs, modelLabel: _label, namespaceId: _id, ...facts } = record;
  const { usage, kind, status, errorCode } = outcome;
  return {
    ...facts,
    at: new Date(arrivedAtMs).toISOString(),
    outcome: kind,
    status,
    errorCode,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    usageSource: usage.source,
  };
}
