import { GatewayError } from '../domain/gateway-error.ts';
import { type AttemptFailure, errorOf } from '../domain/retry.ts';
import type { Target } from '../domain/target.ts';
import { operationUrl } from '../providers/openai-compatible.ts';
import { type Attempt, type ConnectGuard, type Services, UpstreamFailure } from '../services.ts';
import type { Life } from './life.ts';

/** The first target that has room. */
export function beginAttempt(
  targets: readonly Target[],
  { health }: Services,
): { readonly target: Target; readonly attempt: Attempt } {
  for (const target of targets) {
    const attempt = health.begin(target.choice.provider, target.upstream);
    if (attempt !== undefined) return { target, attempt };
  }
  throw new GatewayError('upstream_rate_limited', {
    message: 'Every upstream answers as many requests as it may.',
    retryAfterMs: 1000,
  });
}

/** Where a request of ours goes at a target. */
export function targetUrl(url: string, { upstream }: Target): string {
  const [path = '', ...query] = url.split('?');
  const operation = operationUrl(upstream.baseUrl, path.slice('/v1/'.length));
  return query.length === 0 ? operation : `${operation}?${query.join('?')}`;
}

/** @throws GatewayError `upstream_error` when there may be no connection to the address */
export function checkUrl(guard: ConnectGuard, url: string, attempt: Attempt): void {
  try {
    guard.check(new URL(url));
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    attempt.failed(error.failure);
    throw errorOf(error.failure);
  }
}

/** What a failed connection tells of the upstream, and the client. */
export function failedAttempt(error: Error, attempt: Attempt, life: Life): GatewayError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const kind = code === 'ETIMEDOUT' ? 'timeout' : 'network';
  const failure: AttemptFailure = { kind, internal: `${code} ${error.message}`.trim() };
  if (!life.hasClientLeft()) attempt.failed(failure);
  return errorOf(failure);
}
