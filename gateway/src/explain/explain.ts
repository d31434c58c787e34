import type { ExplainQuestion, Explanation, RequestView } from '@ai-gateway/contracts';
import type { Preview } from '@ai-gateway/limits';
import { factsOf } from '../domain/access.ts';
import type { CompiledConfig } from '../domain/compile-snapshot.ts';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import type { Target } from '../domain/target.ts';
import type { Received } from '../exchange.ts';
import type { Attempt } from '../pipeline.ts';
import type { Services } from '../services.ts';
import { reserve } from '../stages/reserve.ts';
import { attemptRoute, type Decided, keyNamed, type MadeUpRoute } from './attempt-route.ts';
import { type DryServices, dryServices } from './dry-services.ts';
import {
  explainCaller,
  explainCaps,
  explainLimits,
  explainMatchers,
  explainMessagePolicies,
  explainTargets,
} from './explain-rules.ts';

type Reservable = Parameters<typeof reserve>[0];
type Failure = Attempt<Received>['failure'];

interface Run {
  readonly decided: Decided;
  readonly failure: Failure;
  /** The target whose limits had room. */
  readonly chosen: Target | undefined;
}

/**
 * How a request would be decided now: the real stages, on services that take nothing. A refusal is part of the answer.
 * @throws GatewayError `overloaded` without rules, `invalid_request` for a virtual key that is not known
 */
export async function explain(
  question: ExplainQuestion,
  received: Received,
  route: MadeUpRoute,
  services: Services,
): Promise<Explanation> {
  const config = services.config.current();
  if (config === undefined) {
    throw new GatewayError('overloaded', { message: 'The gateway has no rules yet.', retryAfterMs: 1000 });
  }
  const { virtualKeyId } = question.request;
  const dry = dryServices(services, {
    secretHash: virtualKeyId === undefined ? undefined : hashOfNamed(config, virtualKeyId),
    recordedInputTokens: question.recordedInputTokens,
  });
  const run = await runDry(received, route, dry.services);
  return {
    gatewayId: services.gatewayId,
    at: new Date(services.nowMs()).toISOString(),
    revision: config.revision,
    ...rulesOf(run, config, question.request.body),
    ...tokensOf(run, question),
    targets: explainTargets(run.decided.targets ?? [], run.chosen, {
      health: services.health,
      nowMs: services.nowMs(),
    }),
    ...limitsOf(run, config, dry),
    decision: decisionOf(run, dry.previews.at(-1)?.decision),
  };
}

/** @throws GatewayError `invalid_request` */
function hashOfNamed(config: CompiledConfig, name: string): string {
  const key = keyNamed(config, name);
  if (key !== undefined) return key.secretHash;
  throw new GatewayError('invalid_request', { message: `There is no virtual key "${name}".`, param: 'virtualKeyId' });
}

async function runDry(received: Received, route: MadeUpRoute, services: Services): Promise<Run> {
  const { reached: decided, failure } = await attemptRoute(received, route, services);
  if (failure !== undefined || route.kind === 'models') return { decided, failure, chosen: undefined };
  try {
    // Without a failure every stage has added its part.
    const { targets } = await reserve(decided as Reservable, services);
    return { decided, failure, chosen: targets[0] };
  } catch (error) {
    return { decided, failure: { stage: reserve.name, error }, chosen: undefined };
  }
}

/** What the rules made of the request before any limit. */
function rulesOf({ decided }: Run, config: CompiledConfig, body: unknown) {
  const { headers, query, path, namespace, caller, choice, notes } = decided;
  const view: RequestView = decided.view ?? { headers, query, path, body };
  const known = namespace?.namespace ?? config.namespaces.get(notes.namespaceId ?? '')?.namespace;
  const facts = namespace && caller && factsOf(config, namespace.namespace.id, caller, choice);
  return {
    ...explainMatchers(config, view),
    ...(known !== undefined && {
      namespace: {
        id: known.id,
        code: known.code,
        isEnabled: known.isEnabled,
        authMode: known.authMode,
        maxWaitMs: known.maxWaitMs,
      },
    }),
    ...(caller !== undefined && { caller: explainCaller(config, caller) }),
    ...(choice !== undefined && {
      model: {
        requested: notes.requestedModel,
        resolved: choice.resolvedModel,
        providerId: choice.provider.provider.id,
        provider: choice.provider.provider.name,
      },
    }),
    messagePolicies: namespace && facts ? explainMessagePolicies(namespace, facts, view) : [],
  };
}

function tokensOf({ decided }: Run, { recordedInputTokens }: ExplainQuestion) {
  const { input, outputCap, demand, isGuess = false, tokenPolicies = [] } = decided;
  const { setBy } = outputCap ?? {};
  return {
    caps: explainCaps(tokenPolicies, input?.tokens),
    ...(input !== undefined && {
      input: { tokens: input.tokens, isExact: input.exact, isRecorded: recordedInputTokens !== undefined },
    }),
    ...(outputCap !== undefined && {
      outputCap: { tokens: outputCap.tokens, ...(setBy?.kind === 'policy' && { policyId: setBy.policyId }) },
    }),
    ...(demand !== undefined && { demand: { ...demand, isGuess } }),
  };
}

function limitsOf({ decided }: Run, config: CompiledConfig, { previews }: DryServices) {
  const store = previews.at(-1)?.store;
  return {
    ...(store !== undefined && { limitStore: store }),
    limits: decided.facts === undefined ? [] : explainLimits(config, decided.facts, previews),
  };
}

function decisionOf({ decided, failure }: Run, last: Preview['decision'] | undefined): Explanation['decision'] {
  if (failure === undefined) return { kind: 'admitted', policyIds: [] };
  const { code, status, message, details } = asGatewayError(failure.error);
  const waits = failure.stage === reserve.name && last?.kind === 'refused' && last.isWaiting;
  return {
    kind: waits ? 'waits' : 'refused',
    stage: failure.stage,
    code,
    status,
    message,
    ...(details.param !== undefined && { param: details.param }),
    policyIds: [...(details.policyIds ?? [])],
    ...(details.retryAfterMs !== undefined && { passesInMs: details.retryAfterMs }),
    ...(waits && { maxWaitMs: decided.namespace?.namespace.maxWaitMs ?? 0 }),
  };
}
