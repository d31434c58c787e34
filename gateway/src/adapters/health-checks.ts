import type { HealthCheck, Upstream } from '@ai-gateway/contracts';
import { Client } from 'undici';
import type { CompiledConfig, CompiledProvider } from '../domain/compile-snapshot.ts';
import type { ConnectGuard, TargetHealth } from '../services.ts';

/** How often it is looked whether a check is due, ms. */
const TICK_MS = 50;

/** Checks come early or late by up to a fifth, so that gateways do not check together. */
const JITTER = 0.2;

export interface HealthChecksParts {
  readonly current: () => CompiledConfig | undefined;
  readonly health: Pick<TargetHealth, 'probed'>;
  readonly guard: ConnectGuard;
  readonly nowMs: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** Checks the upstreams that have a check, each on a connection of its own, beside the traffic. */
export function healthChecks(parts: HealthChecksParts): { close(): void } {
  const { current, health, nowMs, random } = parts;
  const dueAtMs = new Map<string, number>();
  const running = new Set<string>();
  const ending = new AbortController();

  function tick(): void {
    const checked = checkedUpstreams(current());
    for (const { provider, upstream, check } of checked) {
      if (!running.has(upstream.id)) void checkWhenDue(provider, upstream, check);
    }
    const known = new Set(checked.map(({ upstream }) => upstream.id));
    for (const id of dueAtMs.keys()) if (!known.has(id)) dueAtMs.delete(id);
  }

  async function checkWhenDue(provider: CompiledProvider, upstream: Upstream, check: HealthCheck): Promise<void> {
    if (nowMs() < (dueAtMs.get(upstream.id) ?? 0)) return;
    dueAtMs.set(upstream.id, nowMs() + check.intervalMs * (1 + JITTER * (2 * random() - 1)));
    running.add(upstream.id);
    const isOk = await answers(upstream, check, parts.guard, ending.signal);
    running.delete(upstream.id);
    if (!ending.signal.aborted) health.probed(provider, upstream, check, isOk);
  }

  const timer = setInterval(tick, TICK_MS);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
      ending.abort();
    },
  };
}

function checkedUpstreams(config: CompiledConfig | undefined) {
  return (config?.providers ?? []).flatMap((provider) =>
    provider.upstreams.flatMap((upstream) =>
      upstream.healthCheck === undefined ? [] : [{ provider, upstream, check: upstream.healthCheck }],
    ),
  );
}

/** Does it answer in time with less than 500? */
async function answers(
  { baseUrl }: Upstream,
  { path, timeoutMs }: HealthCheck,
  guard: ConnectGuard,
  ending: AbortSignal,
): Promise<boolean> {
  const url = new URL(baseUrl);
  const signal = AbortSignal.any([ending, AbortSignal.timeout(timeoutMs)]);
  let client: Client | undefined;
  try {
    guard.check(url);
    client = new Client(url.origin, { connect: { timeout: timeoutMs, lookup: guard.lookup } });
    const { statusCode } = await client.request({
      method: 'GET',
      path,
      headers: { 'user-agent': 'ai-gateway' },
      signal,
    });
    return statusCode < 500;
  } catch {
    // Why does not matter: it is down, and its requests will say why.
    return false;
  } finally {
    await client?.destroy();
  }
}
