import { pino } from 'pino';
import type { Log, RequestRecord } from '../services.ts';

/** JSON lines on stdout: one per ended request, and what operators must know. Never a secret, never a prompt. */
export function jsonLog(level: string): Log {
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  return {
    request(record) {
      logger[levelOf(record)](lineOf(record), 'request');
    },
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
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
