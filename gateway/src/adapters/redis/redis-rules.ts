import { RULES_CHANNEL, RULES_KEY } from '@ai-gateway/contracts';
import type { OfferedRules } from '../offered-rules.ts';
import { isOlder, type RulesHead, type RulesInForce } from '../rules-in-force.ts';
import type { RedisClient } from './scripts.ts';

/** Looks come within this time of each other, so that a lost message costs less than 2.5 s. */
const PERIOD_MS = 2_000;

/** Without a good look for so long, Redis does not serve. */
const SERVING_MS = 3_000;

export interface RedisRulesOptions {
  readonly client: RedisClient;
  /** A connection of its own: one that subscribes can do nothing else. */
  readonly subscriber: RedisClient;
  readonly rules: RulesInForce;
  readonly nowMs: () => number;
  readonly random: () => number;
}

/** Rules from Redis: looked for every two seconds, and at once when a message says that there are others. */
export interface RedisRules {
  /** Whether Redis was reached lately and held rules. */
  isServing(): boolean;
  close(): void;
}

export function redisRules({ client, subscriber, rules, nowMs, random }: RedisRulesOptions): RedisRules {
  let servedAtMs = Number.NEGATIVE_INFINITY;
  let isLooking = false;
  let wasHinted = false;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  async function look(): Promise<void> {
    const head = await headIn(client);
    if (head === undefined) {
      servedAtMs = Number.NEGATIVE_INFINITY;
      return;
    }
    servedAtMs = nowMs();
    if (!isNews(head, rules)) {
      rules.confirm();
      return;
    }
    const offered = await rulesIn(client, rules.current() === undefined ? ['body'] : []);
    const answer = offered && (await rules.offer(offered));
    if (answer !== 'body needed') return;
    const whole = await rulesIn(client, ['body']);
    if (whole !== undefined) await rules.offer(whole);
  }

  /** Never two looks at once; a hint that comes during one is followed by another. */
  async function lookAndWait(): Promise<void> {
    if (isLooking) {
      wasHinted = true;
      return;
    }
    isLooking = true;
    clearTimeout(timer);
    do {
      wasHinted = false;
      // Redis is away: the connection says so in the log, and the config center is asked instead.
      await look().catch(() => {});
    } while (wasHinted && !isClosed);
    isLooking = false;
    if (isClosed) return;
    timer = setTimeout(() => void lookAndWait(), PERIOD_MS * (0.8 + 0.2 * random()));
    timer.unref();
  }

  const hinted = () => void lookAndWait();
  subscriber.on('message', hinted);
  subscriber.on('ready', () => {
    subscriber.subscribe(RULES_CHANNEL).then(hinted, () => {});
  });
  client.on('ready', hinted);
  hinted();

  return {
    isServing: () => nowMs() - servedAtMs < SERVING_MS,
    close() {
      isClosed = true;
      clearTimeout(timer);
      subscriber.disconnect();
      client.disconnect();
    },
  };
}

function isNews(head: RulesHead, rules: RulesInForce): boolean {
  const known = rules.known();
  const current = rules.current();
  if (known?.epoch === head.epoch && known.revision === head.revision) return false;
  return current === undefined || !isOlder(head, current);
}

async function headIn(client: RedisClient): Promise<RulesHead | undefined> {
  const [epoch, revision] = await client.hmget(RULES_KEY, 'epoch', 'revision');
  return epoch && revision ? { epoch, revision: Number(revision) } : undefined;
}

/** The rules as deltas, and as a body where that is asked for. */
async function rulesIn(client: RedisClient, more: readonly 'body'[]): Promise<OfferedRules | undefined> {
  const fields = ['revision', 'sha256', 'signature', 'deltas', ...more];
  const [revision, sha256, signature, deltas, body] = await client.hmget(RULES_KEY, ...fields);
  if (!revision || !sha256) return undefined;
  const rest = { deltas: deltas ?? undefined, body: body ?? undefined };
  return { revision: Number(revision), sha256, signature: signature ?? '', ...rest };
}
