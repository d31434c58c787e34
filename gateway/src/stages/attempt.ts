import { type Caller, factsOf } from '../domain/access.ts';
import { chargeTermsOf } from '../domain/charging.ts';
import { chooseKey } from '../domain/choose-key.ts';
import { modelLabelOf } from '../domain/compile-snapshot.ts';
import { portkeyFailure } from '../domain/portkey-failure.ts';
import type { UsableKey } from '../domain/provider-keys.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { AttemptFailure } from '../domain/retry.ts';
import type { Target } from '../domain/target.ts';
import type { Received } from '../exchange.ts';
import { type Services, UpstreamFailure, type UpstreamRequest, type UpstreamResponse } from '../services.ts';
import type { Matched } from './match-namespace.ts';
import type { Planned } from './plan-limits.ts';
import type { Prepared } from './prepare-call.ts';
import type { Caching } from './read-cache.ts';
import type { Reserved } from './reserve.ts';

/** An upstream has accepted the request. */
export interface Answered {
  readonly response: UpstreamResponse;
  readonly choice: ModelChoice;
}

/** What an attempt needs to know of the request. */
export type Forwardable = Received & {
  readonly caller: Caller;
  readonly choice: ModelChoice;
  readonly targets: readonly Target[];
} & Matched &
  Planned &
  Prepared &
  Caching &
  Pick<Reserved, 'grantedTokens'>;

/** One attempt at one target, reported to health and metrics. `full`: it was not made. */
export async function attemptAt(
  target: Target,
  exchange: Forwardable,
  { upstream: client, health, metrics, random }: Services,
  signal: AbortSignal,
): Promise<Answered | AttemptFailure | 'full'> {
  const { notes } = exchange;
  const { choice, upstream } = target;
  const { provider } = choice.provider;
  const attempt = health.begin(choice.provider, upstream);
  if (attempt === undefined) return 'full';

  const key = chooseKey(choice.provider.keys, { upstreamId: upstream.id, passedOver: health.coolingKeys(), random });
  exchange.defer(attempt.end);
  notes.providerKeyId = key?.id;
  notes.attempts++;
  notes.target = target;
  notes.dropped = exchange.callFor(choice).dropped;
  try {
    const response = await client.send(requestTo(target, exchange, key), signal);
    attempt.answered(response.headers, key?.id);
    metrics.attempt(provider.name, upstream.id, 'ok');
    noteAnswer(target, exchange);
    notes.providerKeyId = key?.id;
    return { response, choice };
  } catch (error) {
    attempt.end();
    if (!(error instanceof UpstreamFailure)) throw error;
    const told = withoutSecrets(error.failure, secretsTold(choice, key));
    const failure = choice.provider.portkey === undefined ? told : portkeyFailure(told);
    // Nobody waits for it any more: that says nothing of the upstream.
    if (signal.aborted) return failure;
    attempt.failed(failure, key?.id);
    metrics.attempt(provider.name, upstream.id, resultOf(failure));
    return failure;
  }
}

/** What is sent: everything that depends on the provider's protocol. */
function requestTo(
  { choice, upstream }: Target,
  { callFor }: Forwardable,
  key: UsableKey | undefined,
): UpstreamRequest {
  const { path, headers, body } = callFor(choice);
  return { upstream, path: path(upstream), headers: headers(key?.reveal()), body: body() };
}

function noteAnswer(target: Target, { notes, config, namespace, caller, choice }: Forwardable): void {
  const { provider, resolvedModel } = target.choice;
  notes.isAccepted = true;
  notes.target = target;
  notes.provider = provider.provider.name;
  notes.resolvedModel = resolvedModel;
  notes.modelLabel = modelLabelOf(config, resolvedModel);
  if (target.choice === choice) return;
  notes.facts = factsOf(config, namespace.namespace.id, caller, target.choice);
  notes.charge = chargeTermsOf(config, notes.facts);
}

/** The keys that an upstream may have been told. */
function secretsTold({ provider: { portkey } }: ModelChoice, key: UsableKey | undefined): readonly string[] {
  const ofTargets = portkey?.kind === 'routed' ? portkey.routes.flatMap(({ keys }) => keys) : [];
  return [...(key === undefined ? [] : [key]), ...ofTargets].map(({ reveal }) => reveal());
}

/** Some providers repeat the key that they refuse. */
function withoutSecrets(failure: AttemptFailure, secrets: readonly string[]): AttemptFailure {
  if (failure.kind !== 'status' || failure.message === undefined) return failure;
  const without = (text: string) => secrets.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
  const { message, routerMessage } = failure;
  return { ...failure, message: without(message), routerMessage: routerMessage && without(routerMessage) };
}

function resultOf(failure: AttemptFailure): string {
  if (failure.kind !== 'status') return failure.kind;
  return failure.status >= 500 ? 'status_5xx' : 'status_4xx';
}
