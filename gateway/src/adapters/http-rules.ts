import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_RULES_WAIT_MS, RULES_PATH } from '@ai-gateway/contracts';
import { request } from 'undici';
import type { Log } from '../services.ts';
import type { OfferedRules } from './offered-rules.ts';
import type { RulesHead, RulesInForce } from './rules-in-force.ts';

export interface HttpRulesOptions {
  readonly url: URL;
  readonly token: string;
  readonly rules: RulesInForce;
  /** While another source serves, the config center is not asked. */
  readonly isServedOtherwise: () => boolean;
  readonly log: Log;
}

/** Pause after a failed poll; grows to the longest with every failure in a row. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const LONG_POLL_MS = 25_000;
/** How soon the lack of another source is noticed. */
const LOOK_MS = 250;

/** Rules by long poll from the config center. */
export function httpRules(options: HttpRulesOptions): { close(): Promise<void> } {
  const { rules, log } = options;
  const stopping = new AbortController();
  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  async function poll(): Promise<void> {
    const before = rules.known();
    const offered = await fetchRules(options, before, stopping.signal);
    if (offered === undefined) {
      rules.confirm();
      return;
    }
    const isDecided = (await rules.offer(offered)) === 'decided';
    const whole = isDecided ? undefined : await fetchRules(options, undefined, stopping.signal);
    if (whole !== undefined) await rules.offer(whole);
    // They would be sent again at once.
    if (rules.known()?.revision !== (whole ?? offered).revision) throw new Error('the rules were not taken');
  }

  async function pollForEver(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!stopping.signal.aborted) {
      const failure = options.isServedOtherwise() ? await pause(LOOK_MS) : await poll().catch(String);
      if (stopping.signal.aborted) return;
      if (failure === undefined) {
        pauseMs = FIRST_PAUSE_MS;
        continue;
      }
      if (pauseMs === FIRST_PAUSE_MS) log.warn({ error: failure }, 'no rules from the config center');
      await pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  const polling = pollForEver();
  return {
    async close() {
      stopping.abort();
      await polling;
    },
  };
}

async function fetchRules(
  { url, token }: HttpRulesOptions,
  known: RulesHead | undefined,
  signal: AbortSignal,
): Promise<OfferedRules | undefined> {
  const target = new URL(RULES_PATH, url);
  target.searchParams.set('epoch', known?.epoch ?? '');
  target.searchParams.set('revision', String(known?.revision ?? -1));
  target.searchParams.set('waitMs', String(Math.min(LONG_POLL_MS, MAX_RULES_WAIT_MS)));
  const { statusCode, headers, body } = await request(target, {
    headers: { authorization: `Bearer ${token}` },
    headersTimeout: MAX_RULES_WAIT_MS + 5_000,
    bodyTimeout: 10_000,
    signal,
  });
  const text = await body.text();
  if (statusCode === 304) return undefined;
  if (statusCode !== 200) throw new Error(`the config center answered ${statusCode}`);
  return {
    revision: Number(headers['x-snapshot-revision']),
    sha256: String(headers['x-snapshot-sha256']),
    signature: String(headers['x-snapshot-signature'] ?? ''),
    ...(headers['x-snapshot-form'] === 'deltas' ? { deltas: text } : { body: text }),
  };
}
