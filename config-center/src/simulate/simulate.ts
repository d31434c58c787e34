import {
  type CompiledCondition,
  compileCondition,
  type Namespace,
  type Policy,
  type RequestLogRecord,
  type RequestView,
  type Simulation,
} from '@ai-gateway/contracts';
import { concerns, indexLayeredLimits, indexPrices, planNamespace } from '@ai-gateway/limits';
import type { SnapshotContent } from '../domain/build-snapshot.ts';
import { replay, type Usage } from './replay.ts';
import { type ReplayedRequest, type ReplayRules, replayedRequest } from './replayed-request.ts';
import { tally } from './tally.ts';

/** The rules to replay under, drafts among them. */
export type SimulatedRules = Pick<
  SnapshotContent,
  'namespaces' | 'policies' | 'layeredLimits' | 'prices' | 'matchers'
> & {
  readonly keys: readonly { readonly id: string; readonly name: string }[];
};

export interface SimulateOptions {
  readonly rules: SimulatedRules;
  /** The namespace that is reported; requests of others only count. */
  readonly namespaceId: string;
  /** Policies that are drafts; others that match messages have spoken when the requests came. */
  readonly draftIds: readonly string[];
}

/** A refused request's usage, when no other of its model has ended before. */
const UNKNOWN_DURATION_MS = 1_000;

/** Replays records in order of arrival. Pure: the same records and rules give the same answer. */
export function simulate({ rules, namespaceId, draftIds }: SimulateOptions): {
  add(record: RequestLogRecord): void;
  result(): Omit<Simulation, 'isTruncated' | 'replayedTo'>;
} {
  const counts = tally();
  const usages = new Map<string, { requests: number; outputTokens: number; durationMs: number }>();
  const compiled = compile(rules);
  const drafts = rules.policies.filter(({ id }) => draftIds.includes(id));
  const messages = messageDrafts(drafts);
  let notReplayed = 0;
  let assumed = 0;
  const isReported = (record: RequestLogRecord) => record.namespaceId === namespaceId;
  const replaying = replay({ tally: counts, isReported, usageOf });

  function usageOf({ record, demand }: ReplayedRequest): Usage {
    const { outputTokens, durationMs, waitedMs, outcome } = record;
    if (outcome !== 'refused') return { outputTokens, durationMs: Math.max(0, durationMs - waitedMs) };
    if (isReported(record)) assumed++;
    const known = usages.get(record.resolvedModel);
    if (known === undefined) return { outputTokens: demand.outputTokens, durationMs: UNKNOWN_DURATION_MS };
    return {
      outputTokens: Math.round(known.outputTokens / known.requests),
      durationMs: Math.round(known.durationMs / known.requests),
    };
  }

  function learn({ resolvedModel, outcome, outputTokens, durationMs, waitedMs }: RequestLogRecord): void {
    if (outcome !== 'completed' && outcome !== 'cut') return;
    const known = usages.get(resolvedModel) ?? { requests: 0, outputTokens: 0, durationMs: 0 };
    known.requests++;
    known.outputTokens += outputTokens;
    known.durationMs += Math.max(0, durationMs - waitedMs);
    usages.set(resolvedModel, known);
  }

  return {
    add(record) {
      const request = replayedRequest(record, compiled);
      if (request === undefined) {
        if (isReported(record)) notReplayed++;
        return;
      }
      learn(record);
      const refusedBy = messages.refusing(record);
      if (refusedBy === undefined) replaying.arrive(request);
      else if (isReported(record)) {
        counts.policy(refusedBy, 'refused', record, request.arrivedAtMs);
        counts.add({ record, isRefused: true, waitedMs: 0, tokensLost: 0 });
      }
    },
    result() {
      replaying.finish();
      return {
        ...counts.sums({ keys: namesOf(rules.keys), policies: policyNames(rules) }),
        notReplayed,
        assumed,
        unrecordedFields: messages.fields.filter((field) => !isRecorded(field, rules)),
      };
    },
  };
}

function compile({ namespaces, policies, layeredLimits, prices }: SimulatedRules): ReplayRules {
  const enabled = policies.filter(({ isEnabled }) => isEnabled);
  const hasWaiting = namespaces.some(({ maxWaitMs }) => maxWaitMs > 0);
  const plan = (namespace: Namespace) => {
    const mine = enabled.filter(({ namespaceId }) => namespaceId === undefined || namespaceId === namespace.id);
    return { namespace, plan: planNamespace(namespace, mine, hasWaiting) };
  };
  return {
    namespaces: new Map(namespaces.map((namespace) => [namespace.id, plan(namespace)])),
    layeredLimits: indexLayeredLimits(layeredLimits.filter(({ isEnabled }) => isEnabled)),
    hasWaiting,
    prices: indexPrices(prices),
  };
}

interface MessageRule {
  readonly policy: Policy;
  readonly action: 'allow' | 'deny';
  readonly matches: CompiledCondition;
}

/** Drafts that match messages, on what the log knows of the messages. */
function messageDrafts(drafts: readonly Policy[]) {
  const fields: string[] = [];
  const rules: MessageRule[] = drafts.flatMap((policy) => {
    if (policy.rule.kind !== 'message-matching' || !policy.isEnabled || policy.mode !== 'enforce') return [];
    const { action, condition } = policy.rule;
    if (condition.source !== 'path') fields.push(`${condition.source} ${condition.field}`);
    return [{ policy, action, matches: compileCondition(condition) }];
  });
  function refusing(record: RequestLogRecord): string | undefined {
    if (rules.length === 0) return undefined;
    const { namespaceId = '', virtualKeyId, tenantId, customerTypeId, providerId, resolvedModel: model } = record;
    const facts = { namespaceId, virtualKeyId, tenantId, customerTypeId, providerId, model };
    const view = viewOf(record);
    return rules.find(
      ({ policy, action, matches }) =>
        (policy.namespaceId === undefined || policy.namespaceId === namespaceId) &&
        concerns(policy.scope, facts) &&
        matches(view) !== (action === 'allow'),
    )?.policy.id;
  }
  return { fields, refusing };
}

/** Fields that are known of every request: those that matchers read, and the model. */
function isRecorded(field: string, { matchers }: SimulatedRules): boolean {
  const known = matchers.map((matcher) => `${matcher.source} ${matcher.field}`.toLowerCase());
  return ['body model', 'body stream', ...known].includes(field.toLowerCase());
}

function viewOf({ matched, path, requestedModel, isStream }: RequestLogRecord): RequestView {
  const body: Record<string, unknown> = { model: requestedModel, stream: isStream };
  for (const [field, value] of Object.entries(matched?.body ?? {})) {
    const steps = field.split('.');
    const last = steps.pop() ?? field;
    let at = body;
    for (const step of steps) {
      const next = Object.hasOwn(at, step) && typeof at[step] === 'object' ? at[step] : {};
      Object.defineProperty(at, step, { value: next, enumerable: true, configurable: true, writable: true });
      at = next as Record<string, unknown>;
    }
    Object.defineProperty(at, last, { value, enumerable: true, configurable: true, writable: true });
  }
  return { headers: { ...matched?.headers }, query: new URLSearchParams({ ...matched?.query }), path, body };
}

function namesOf(rows: readonly { readonly id: string; readonly name: string }[]): ReadonlyMap<string, string> {
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** A layered limit is called by its control and level. */
function policyNames({ policies, layeredLimits }: SimulatedRules): ReadonlyMap<string, string> {
  const names = layeredLimits.map(({ id, targetType, limit }) => ({ id, name: `${limit.control} of ${targetType}` }));
  return namesOf([...policies, ...names]);
}
