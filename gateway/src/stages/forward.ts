import type { Upstream } from '@ai-gateway/contracts';
import { type OutputCap, upstreamMaxOf } from '@ai-gateway/limits';
import { chooseKey } from '../domain/choose-key.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import { NO_USAGE } from '../domain/outcome.ts';
import type { UsableKey } from '../domain/provider-keys.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import { type AttemptFailure, errorOf, isKeyRefused, isUnhealthy, mayTryNext } from '../domain/retry.ts';
import type { Received, Stage } from '../exchange.ts';
import { type Chat, upstreamBody } from '../protocols/openai-chat.ts';
import { operationPath, requestHeaders } from '../providers/openai-compatible.ts';
import { type Services, UpstreamFailure, type UpstreamResponse } from '../services.ts';

import type { Demand } from './cap-output.ts';
import type { Planned } from './plan-limits.ts';
import { aboutOf, type Reserved } from './reserve.ts';

/** The first answer that an upstream gave. */
export interface Forwarded {
  readonly response: UpstreamResponse;
  /** All reservations of the request: that of `reserve`, and one for each target with limits of its own after the first. */
  readonly reservationIds: readonly string[];
}

type Forwardable = Received & {
  readonly chat: Chat;
  readonly choice: ModelChoice;
  readonly targets: readonly Upstream[];
  readonly outputCap: OutputCap | undefined;
} & Planned &
  Demand &
  Pick<Reserved, 'grantedTokens'>;

/** Sends the request to the targets in order until one accepts it; nothing has reached the client yet. */
export const forward: Stage<Forwardable, Forwarded> = async (exchange, services) => {
  const { chat, choice, outputCap, notes, targets } = exchange;
  const body = upstreamBody(
    chat,
    choice.upstreamModel,
    upstreamMaxOf(chat.clientMax, outputCap, choice.maxOutputTokens),
  );
  notes.overheadMs = services.nowMs() - exchange.arrivedAtMs;

  const reservationIds = [exchange.reservationId];
  const passedOver = new Set<string>();
  let last: AttemptFailure | undefined;
  for (const upstream of targets) {
    const id = upstream === targets[0] ? undefined : await takeLimitsOf(exchange, upstream, services);
    if (id === 'refused') continue;
    if (id !== undefined) reservationIds.push(id);
    notes.attempts++;
    notes.upstreamId = upstream.id;
    const result = await attempt(exchange, { upstream, body, passedOver }, services);
    if (!('kind' in result)) {
      notes.isAccepted = true;
      return { response: result, reservationIds };
    }
    last = result;
    if (exchange.signal.aborted || !mayTryNext(result)) break;
  }
  throw last === undefined ? new GatewayError('no_healthy_upstream') : errorOf(last);
};

/** The first target's own limits were taken with all others; those of the next are taken when it is its turn. */
async function takeLimitsOf(
  exchange: Forwardable,
  upstream: Upstream,
  services: Services,
): Promise<string | 'refused' | undefined> {
  const limits = exchange.limitsOfUpstream(upstream.id);
  if (limits.length === 0) return undefined;
  const reservationId = `${exchange.reservationId}.${upstream.id}`;
  const { demand, price, signal, notes, grantedTokens } = exchange;
  const { inputTokens } = demand;
  // A guess has been granted as far as the windows had room.
  const outputTokens = Math.min(demand.outputTokens, grantedTokens);
  const request = { reservationId, about: aboutOf(exchange, services), inputTokens, outputTokens, price };
  const decision = await services.limits.take(limits, request, { maxWaitMs: 0, signal }).catch(() => undefined);
  if (decision?.kind !== 'admitted') return 'refused';
  exchange.defer(({ usage }) =>
    services.limits.settle(reservationId, notes.upstreamId === upstream.id ? usage : NO_USAGE),
  );
  return reservationId;
}

interface Attempt {
  readonly upstream: Upstream;
  readonly body: string;
  /** Ids of keys that the provider has refused in this request; an attempt adds its own. */
  readonly passedOver: Set<string>;
}

async function attempt(
  exchange: Forwardable,
  { upstream, body, passedOver }: Attempt,
  { upstream: client, health, metrics, random }: Services,
): Promise<UpstreamResponse | AttemptFailure> {
  const { provider, keys } = exchange.choice.provider;
  const key = chooseKey(keys, { upstreamId: upstream.id, passedOver, random });
  exchange.notes.providerKeyId = key?.id;
  const headers = {
    ...exchange.located?.location.addHeaders,
    ...requestHeaders(key?.reveal(), exchange.requestId, exchange.chat.isStream),
  };
  try {
    const response = await client.send(
      { upstream, path: operationPath(upstream.baseUrl, 'chat/completions'), headers, body },
      exchange.signal,
    );
    health.report(exchange.choice.provider, upstream, undefined);
    metrics.attempt(provider.name, upstream.id, 'ok');
    return response;
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    const failure = withoutSecret(error.failure, key);
    if (exchange.signal.aborted) return failure;
    if (key !== undefined && isKeyRefused(failure)) passedOver.add(key.id);
    health.report(exchange.choice.provider, upstream, isUnhealthy(failure) ? failure : undefined);
    metrics.attempt(provider.name, upstream.id, resultOf(failure));
    return failure;
  }
}

/** Some providers repeat the key that they refuse. */
function withoutSecret(failure: AttemptFailure, key: UsableKey | undefined): AttemptFailure {
  if (key === undefined || failure.kind !== 'status' || failure.message === undefined) return failure;
  return { ...failure, message: failure.message.replaceAll(key.reveal(), '[secret]') };
}

function resultOf(failure: AttemptFailure): string {
  if (failure.kind !== 'status') return failure.kind;
  return failure.status >= 500 ? 'status_5xx' : 'status_4xx';
}
