import { randomUUID } from 'node:crypto';
import { type RequestLogRecord, requestRecordShape } from '@ai-gateway/contracts';

/** A record of a plain request that was answered, unless told otherwise. */
export function logRecord({ atMs, ...fields }: { atMs: number } & Partial<RequestLogRecord>): RequestLogRecord {
  return requestRecordShape.parse({
    recordId: randomUUID(),
    gatewayId: 'g',
    requestId: 'q',
    at: new Date(atMs).toISOString(),
    method: 'POST',
    path: '/v1/chat/completions',
    namespace: 'shop',
    namespaceId: 'n1',
    requestedModel: 'm',
    resolvedModel: 'm',
    isStream: false,
    outcome: 'completed',
    status: 200,
    inputTokens: 10,
    outputTokens: 20,
    usageSource: 'provider',
    durationMs: 100,
    attempts: 1,
    revision: 1,
    kind: 'plain',
    demand: { inputTokens: 10, outputTokens: 50 },
    ...fields,
  });
}
