import { createHash, createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GatewayReport, MAX_RULES_WAIT_MS, RULES_PATH, type Snapshot, snapshotShape } from '@ai-gateway/contracts';
import { request } from 'undici';
import { type CompiledConfig, compileSnapshot } from '../domain/compile-snapshot.ts';
import type { ConfigSource, Log } from '../services.ts';
import type { SnapshotFile } from './snapshot-file.ts';

export interface ConfigSourceOptions {
  readonly url: URL;
  readonly token: string;
  readonly keyPepper: string;
  readonly snapshots: SnapshotFile;
  readonly log: Log;
  readonly nowMs: () => number;
}

/** Pause after a failed poll; grows to the longest with every failure in a row. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const LONG_POLL_MS = 25_000;

/**
 * Rules by long poll from the config center, and from the last snapshot on disk until it answers. A snapshot that does
 * not verify or compile is refused with the reason, and the rules in force stay.
 */
export async function httpConfigSource(options: ConfigSourceOptions): Promise<ConfigSource & { ageSeconds(): number }> {
  const { log, nowMs, snapshots } = options;
  const stopping = new AbortController();
  let current: CompiledConfig | undefined;
  let confirmedAtMs = nowMs();
  let refused: GatewayReport['refusedRevision'];

  function accept(snapshot: Snapshot): boolean {
    try {
      current = compileSnapshot(snapshot);
      refused = undefined;
      return true;
    } catch (error) {
      refused = { revision: snapshot.revision, reason: error instanceof Error ? error.message : String(error) };
      log.error(refused, 'rules refused');
      return false;
    }
  }

  async function poll(): Promise<void> {
    const known = refused === undefined ? current?.revision : refused.revision;
    const answer = await fetchRules(options, { epoch: current?.epoch, revision: known }, stopping.signal);
    confirmedAtMs = nowMs();
    if (answer === undefined) return;
    if (answer.kind === 'broken') throw new Error(answer.reason);
    if (!accept(answer.snapshot)) return;
    log.info({ revision: answer.snapshot.revision }, 'rules in force');
    await snapshots
      .write(answer.snapshot)
      .catch((error) => log.error({ error: String(error) }, 'snapshot not written'));
  }

  async function pollForEver(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!stopping.signal.aborted) {
      try {
        await poll();
        pauseMs = FIRST_PAUSE_MS;
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (pauseMs === FIRST_PAUSE_MS) log.warn({ error: String(error) }, 'config center cannot be reached');
        await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  for (const snapshot of await snapshots.read()) {
    if (!accept(snapshot)) continue;
    log.info({ revision: snapshot.revision }, 'rules from the snapshot on disk');
    break;
  }
  refused = undefined;
  const polling = pollForEver();

  return {
    current: () => current,
    hashOf: (secret) => createHmac('sha256', options.keyPepper).update(secret).digest('hex'),
    refused: () => refused,
    ageSeconds: () => (nowMs() - confirmedAtMs) / 1000,
    async close() {
      stopping.abort();
      await polling;
    },
  };
}

type Rules =
  | { readonly kind: 'whole'; readonly snapshot: Snapshot }
  | { readonly kind: 'broken'; readonly reason: string };

async function fetchRules(
  { url, token }: ConfigSourceOptions,
  known: { epoch: string | undefined; revision: number | undefined },
  signal: AbortSignal,
): Promise<Rules | undefined> {
  const target = new URL(RULES_PATH, url);
  target.searchParams.set('epoch', known.epoch ?? '');
  target.searchParams.set('revision', String(known.revision ?? -1));
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
  return verified(text, headers['x-snapshot-sha256']);
}

function verified(text: string, sha256: string | string[] | undefined): Rules {
  if (sha256 !== undefined && createHash('sha256').update(text).digest('hex') !== sha256) {
    return { kind: 'broken', reason: 'the snapshot does not match its sha256' };
  }
  const parsed = snapshotShape.safeParse(JSON.parse(text));
  if (parsed.success) return { kind: 'whole', snapshot: parsed.data };
  const issue = parsed.error.issues[0];
  return { kind: 'broken', reason: `the snapshot is not valid: ${issue?.path.join('.')}: ${issue?.message}` };
}
