import type { RequestLogRecord } from '@ai-gateway/contracts';
import type { RequestRecord } from '../services.ts';

const LONGEST_PATH = 500;
const LONGEST_METHOD = 20;
const LONGEST_MODEL = 200;
const LONGEST_LISTED = 200;

/** Who tells, and the id that makes telling twice harmless. */
export interface RecordOrigin {
  readonly recordId: string;
  readonly gatewayId: string;
}

/** An ended request as the config center keeps it: shortened, without the query and without the internal reason. */
export function requestLogRecordOf(record: RequestRecord, { recordId, gatewayId }: RecordOrigin): RequestLogRecord {
  const { outcome, facts, outputCap, demand } = record;
  const isUsed = outcome.usage.inputTokens + outcome.usage.outputTokens > 0;
  const { userId, tenantId, customerTypeId, providerId } = facts ?? {};
  return {
    recordId,
    gatewayId,
    requestId: record.requestId,
    at: new Date(record.arrivedAtMs).toISOString(),
    method: record.method.slice(0, LONGEST_METHOD),
    path: pathOf(record.url),
    namespace: record.namespace,
    requestedModel: record.requestedModel.slice(0, LONGEST_MODEL),
    resolvedModel: record.resolvedModel.slice(0, LONGEST_MODEL),
    isStream: record.isStream,
    outcome: outcome.kind,
    status: outcome.status,
    refusedByPolicyIds: [...record.refusedByPolicyIds],
    observedPolicyIds: [...record.observedPolicyIds],
    inputTokens: outcome.usage.inputTokens,
    outputTokens: outcome.usage.outputTokens,
    usageSource: outcome.usage.source,
    durationMs: Math.max(0, Math.round(record.durationMs * 1000) / 1000),
    attempts: record.attempts,
    revision: record.revision,
    choices: record.choices,
    waitedMs: Math.round(record.waitedMs),
    ...whereSet({
      namespaceId: record.namespaceId,
      matcherId: record.matcherId,
      matched: record.matched,
      virtualKeyId: record.virtualKeyId,
      userId,
      tenantId,
      customerTypeId,
      providerId,
      provider: record.provider,
      listedModel: facts?.listedModel?.slice(0, LONGEST_LISTED),
      upstreamId: record.upstreamId,
      kind: record.kind,
      errorCode: outcome.errorCode,
      firstByteMs: record.firstByteMs === undefined ? undefined : Math.round(record.firstByteMs * 1000) / 1000,
      clientMaxTokens: record.clientMaxTokens,
      charge: isUsed ? record.charge : undefined,
      demand: demand && { inputTokens: demand.inputTokens, outputTokens: demand.outputTokens },
      outputCap: outputCap && {
        tokens: outputCap.tokens,
        ...(outputCap.setBy.kind === 'policy' && { policyId: outputCap.setBy.policyId }),
      },
    }),
  };
}

function pathOf(url: string): string {
  const mark = url.indexOf('?');
  return (mark === -1 ? url : url.slice(0, mark)).slice(0, LONGEST_PATH);
}

type WhereSet<T> = { [Field in keyof T]?: Exclude<T[Field], undefined> };

/** The fields that have a value. */
function whereSet<T extends object>(fields: T): WhereSet<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as WhereSet<T>;
}
