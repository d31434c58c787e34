import type { Located } from '@ai-gateway/contracts';
import { chooseKey } from '../domain/choose-key.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import type { UsableKey } from '../domain/provider-keys.ts';
import { type AttemptFailure, errorOf } from '../domain/retry.ts';
import type { Target } from '../domain/target.ts';
import { operationUrl } from '../providers/openai-compatible.ts';
import { type Attempt, type ConnectGuard, type Services, UpstreamFailure } from '../services.ts';
import type { Life } from './life.ts';
import { targetOf } from './read-request.ts';

/** Where a request goes, and with which key. */
export interface Beginning {
  readonly target: Target;
  readonly attempt: Attempt;
  readonly key: UsableKey | undefined;
}

/** The first target that has room. */
export function beginAttempt(targets: readonly Target[], { health, random }: Services): Beginning {
  for (const target of targets) {
    const attempt = health.begin(target.choice.provider, target.upstream);
    if (attempt === undefined) continue;
    const question = { upstreamId: target.upstream.id, passedOver: health.coolingKeys(), random };
    return { target, attempt, key: chooseKey(target.choice.provider.keys, question) };
  }
  throw new GatewayError('upstream_rate_limited', {
    message: 'Every upstream answers as many requests as it may.',
    retryAfterMs: 1000,
  });
}

/** Notes where the request goes. */
export function noteBeginning({ target, key }: Beginning, { notes }: Life): void {
  notes.provider = target.choice.provider.provider.name;
  notes.target = target;
  notes.providerKeyId = key?.id;
  notes.attempts = 1;
}

/** Where a request goes at a target: below `/v1` an operation like any other, else a path of the same server. */
export function targetUrl(url: string, { upstream }: Target, located?: Located): string {
  const [own = '', ...query] = url.split('?');
  const path = located === undefined ? own : targetOf(located.path).path;
  const operation = path.startsWith('/v1/')
    ? operationUrl(upstream.baseUrl, path.slice('/v1/'.length))
    : new URL(upstream.baseUrl).origin + path;
  return query.length === 0 ? operation : `${operation}?${query.join('?')}`;
}

/** @throws GatewayError `upstream_error` when there may be no connection to the address */
export function checkUrl(guard: ConnectGuard, url: string, attempt: Attempt): void {
  try {
    guard.check(new URL(url));
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    attempt.failed(error.failure, undefined);
    throw errorOf(error.failure);
  }
}

/** What a failed connection tells of the upstream, and the client. */
export function failedAttempt(error: Error, attempt: Attempt, life: Life): GatewayError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const kind = code === 'ETIMEDOUT' ? 'timeout' : 'network';
  const failure: AttemptFailure = { kind, internal: `${code} ${error.message}`.trim() };
  if (!life.hasClientLeft()) attempt.failed(failure, undefined);
  return errorOf(failure);
}
