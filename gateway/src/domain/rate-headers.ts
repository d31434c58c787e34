import { boundOf, type LimitReading } from '@ai-gateway/limits';

/** What a client may count: requests, tokens, or requests at a time. Money is nobody's business but the operator's. */
type Unit = 'requests' | 'tokens' | 'concurrent-requests';

/**
 * Rate-limit headers from the counters that have decided: `x-ratelimit-*` as OpenAI's clients read them, for the limit
 * nearest to its end; and `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers) for all of them.
 * Limits that only observe are not told.
 */
export function rateHeaders(readings: readonly LimitReading[]): Record<string, string> {
  const told = readings.flatMap((reading) => {
    const unit = unitOf(reading);
    return unit === undefined || reading.limit.isObserved ? [] : [{ ...reading, unit }];
  });
  if (told.length === 0) return {};
  return {
    ...openAiHeaders(told, 'requests'),
    ...openAiHeaders(told, 'tokens'),
    'ratelimit-policy': told.map(policyItem).join(', '),
    ratelimit: told.map(stateItem).join(', '),
  };
}

type Told = LimitReading & { readonly unit: Unit };

function unitOf({ limit }: LimitReading): Unit | undefined {
  if (limit.kind === 'concurrency') return 'concurrent-requests';
  if (limit.kind === 'requestRate' || limit.counts === 'requests') return 'requests';
  return limit.counts === 'cost' ? undefined : 'tokens';
}

function openAiHeaders(told: readonly Told[], unit: 'requests' | 'tokens'): Record<string, string> {
  let nearest: Told | undefined;
  for (const one of told) {
    if (one.unit === unit && (nearest === undefined || one.remaining < nearest.remaining)) nearest = one;
  }
  if (nearest === undefined) return {};
  return {
    [`x-ratelimit-limit-${unit}`]: String(boundOf(nearest.limit)),
    [`x-ratelimit-remaining-${unit}`]: String(nearest.remaining),
    [`x-ratelimit-reset-${unit}`]: durationText(nearest.resetMs),
  };
}

/** As OpenAI writes durations: `17ms`, `1.5s`, `6m0s`, `2h0m5s`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = (ms % 60_000) / 1000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

function policyItem({ limit, unit }: Told): string {
  const quantum = unit === 'requests' ? '' : `;qu="${unit}"`;
  return `${nameOf(limit)};q=${boundOf(limit)}${quantum}${windowOf(limit)}`;
}

function stateItem({ limit, remaining, resetMs }: Told): string {
  const reset = limit.kind === 'concurrency' ? '' : `;t=${Math.ceil(resetMs / 1000)}`;
  return `${nameOf(limit)};r=${remaining}${reset}`;
}

/** A policy may have several windows, so what is counted and for how long is part of the name. */
function nameOf(limit: LimitReading['limit']): string {
  const part = limit.kind === 'window' ? `.${limit.counts}.${limit.windowMs / 1000}` : '';
  return `"${limit.policyId}${part}"`;
}

function windowOf(limit: LimitReading['limit']): string {
  if (limit.kind === 'concurrency') return '';
  const ms = limit.kind === 'window' ? limit.windowMs : (limit.emissionUs * limit.burst) / 1000;
  return `;w=${Math.max(1, Math.round(ms / 1000))}`;
}
