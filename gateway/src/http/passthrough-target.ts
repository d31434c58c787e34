import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Located } from '@ai-gateway/contracts';
import { chooseKey } from '../domain/choose-key.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import type { UsableKey } from '../domain/provider-keys.ts';
import { askedWaitMs } from '../domain/provider-quota.ts';
import { type AttemptFailure, errorOf } from '../domain/retry.ts';
import type { Target } from '../domain/target.ts';
import { dialectOf } from '../providers/dialects.ts';
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

/**
 * Where a request goes at a target: below `/v1` an operation like any other, else a path of the same server. What the
 * provider wants in its queries is added unless the client says it.
 */
export function targetUrl(url: string, { choice, upstream }: Target, located?: Located): string {
  const [own = '', ...asked] = url.split('?');
  const path = located === undefined ? own : targetOf(located.path).path;
  const { origin } = new URL(upstream.baseUrl);
  const dialect = dialectOf(choice.provider.provider);
  const wanted = path.startsWith('/v1/') ? dialect.plainPath(upstream.baseUrl, path.slice('/v1/'.length)) : path;
  const [wantedPath = '', wantedQuery] = wanted.split('?');
  const query = asked.join('?');
  const given = new URLSearchParams(query);
  const added = [...new URLSearchParams(wantedQuery)].filter(([name]) => !given.has(name));
  const parts = [new URLSearchParams(added).toString(), query].filter((part) => part !== '');
  return parts.length === 0 ? origin + wantedPath : `${origin}${wantedPath}?${parts.join('&')}`;
}

/** The credential in the provider's own way, and what else its API wants in headers. */
export function providerHeaders({ target, key }: Beginning, client: IncomingHttpHeaders): Record<string, string> {
  const { provider } = target.choice.provider;
  return dialectOf(provider).headers({ secret: key?.reveal(), isStream: false, client });
}

/** What an answer of at least 400 tells of the provider and of our key. */
export function refusedAttempt(answer: IncomingMessage, { attempt, key }: Pick<Beginning, 'attempt' | 'key'>) {
  const status = answer.statusCode ?? 502;
  const retryAfterMs = askedWaitMs(status, answer.headers, Date.now());
  const failure = { kind: 'status', status, message: undefined, retryAfterMs } as const satisfies AttemptFailure;
  attempt.failed(failure, key?.id);
  return failure;
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
