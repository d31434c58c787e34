type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Longest time that a provider's word is taken for, ms: beyond it a mistake is likelier than a limit. */
const LONGEST_MS = 3_600_000;

/** What OpenAI and Anthropic count, as their headers name it. */
const OPENAI = ['requests', 'tokens'] as const;
const ANTHROPIC = ['requests', 'tokens', 'input-tokens', 'output-tokens'] as const;

/**
 * Instant (ms) until which the provider has no quota left, by the headers of its last answer; undefined = it has.
 * https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers and
 * https://docs.anthropic.com/en/api/rate-limits#response-headers
 */
export function exhaustedUntilMs(headers: Headers, nowMs: number): number | undefined {
  const waits = [
    ...OPENAI.filter((counted) => isZero(headers[`x-ratelimit-remaining-${counted}`])).map((counted) =>
      durationMs(headers[`x-ratelimit-reset-${counted}`]),
    ),
    ...ANTHROPIC.filter((counted) => isZero(headers[`anthropic-ratelimit-${counted}-remaining`])).map((counted) =>
      untilMs(headers[`anthropic-ratelimit-${counted}-reset`], nowMs),
    ),
  ].filter((wait) => wait !== undefined && wait > 0);
  return waits.length === 0 ? undefined : nowMs + Math.min(LONGEST_MS, Math.max(...waits.map(Number)));
}

/** `Retry-After` (seconds or a date) or `retry-after-ms` as ms from now. RFC 9110, 10.2.3. */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const precise = Number(headers['retry-after-ms']);
  if (Number.isFinite(precise) && precise > 0) return Math.min(precise, LONGEST_MS);
  const header = headers['retry-after'];
  if (typeof header !== 'string') return undefined;
  const wait = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) * 1000 : untilMs(header, nowMs);
  return wait === undefined || wait <= 0 ? undefined : Math.min(wait, LONGEST_MS);
}

/**
 * How long a provider that refuses wants to be left alone, ms from now: what it says itself, or, when it limits us, what
 * its quota headers tell. Undefined = it does not say.
 */
export function askedWaitMs(status: number, headers: Headers, nowMs: number): number | undefined {
  const exhaustedMs = status === 429 ? exhaustedUntilMs(headers, nowMs) : undefined;
  return retryAfterMs(headers, nowMs) ?? (exhaustedMs && exhaustedMs - nowMs);
}

function isZero(header: string | readonly string[] | undefined): boolean {
  return typeof header === 'string' && header.trim() !== '' && Number(header) <= 0;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `6m0s`, `1h2m3.5s`, `20ms`, or bare seconds. */
function durationMs(header: string | readonly string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header) * 1000;
  const parts = [...header.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== header.trim()) return undefined;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0);
}

function untilMs(date: string | readonly string[] | undefined, nowMs: number): number | undefined {
  const at = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  return Number.isNaN(at) ? undefined : at - nowMs;
}
