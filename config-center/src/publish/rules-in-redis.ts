import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RULES_CHANNEL, RULES_KEY } from '@ai-gateway/contracts';
import type { RulesSigner } from '@ai-gateway/contracts/secrets';
import type { Logger } from 'pino';
import type { Published, Publisher } from './publisher.ts';
import type { RedisClient } from './redis.ts';

/** How often Redis is compared with SQL, ms: heals what was wiped, missed or tampered with. */
const RECONCILE_MS = 10_000;

const SCRIPT = readFileSync(join(import.meta.dirname, 'publish.lua'), 'utf8');

export interface RulesInRedisOptions {
  readonly client: RedisClient;
  /** A connection of its own: one that subscribes can do nothing else. */
  readonly subscriber: RedisClient;
  readonly publisher: Publisher;
  readonly signer: RulesSigner;
  readonly log: Logger;
}

/** Keeps the newest revision in Redis; any number of config centers may do so at once. */
export interface RulesInRedis {
  /** Whether Redis held the newest revision when it was last written or compared. */
  isCurrent(): boolean;
  close(): void;
}

export function rulesInRedis({ client, subscriber, publisher, signer, log }: RulesInRedisOptions): RulesInRedis {
  let held = '';
  let isBusy = false;
  let isAsked = false;

  async function write(rules: Published, wrongRevision = ''): Promise<void> {
    const { epoch, revision, sha256, body } = rules;
    const parameters = [epoch, String(revision), sha256, body, RULES_CHANNEL, wrongRevision, signer.sign(rules)];
    const isWritten = await client.eval(SCRIPT, 1, RULES_KEY, ...parameters);
    if (isWritten === 1) held = rules.sha256;
  }

  /** Commits that come while one is written are written by their last. */
  async function writeNewest(): Promise<void> {
    isAsked = true;
    if (isBusy) return;
    isBusy = true;
    while (isAsked) {
      isAsked = false;
      // Made up for by the next comparison, or as soon as the connection is back.
      await write(publisher.current()).catch(() => {});
    }
    isBusy = false;
  }

  async function reconcile(): Promise<void> {
    const inRedis = await readRules(client);
    // Another config center may have written what this one has not read yet.
    await publisher.refresh();
    const current = publisher.current();
    if (isSame(inRedis, current) && inRedis?.signature === signer.sign(current)) {
      held = current.sha256;
      return;
    }
    // A revision that SQL does not have is none, so what Redis held before SQL was read gives way whatever its number.
    log.warn({ revision: current.revision, inRedis: inRedis?.revision }, 'rules in redis differ, written again');
    await write(current, inRedis?.revision ?? '');
  }

  publisher.onChange(() => void writeNewest());
  const reconcileQuietly = () => void reconcile().catch(() => {});
  client.on('ready', reconcileQuietly);
  const timer = setInterval(reconcileQuietly, RECONCILE_MS);
  subscriber.on('message', () => void publisher.refresh().catch(() => {}));
  subscriber.on('ready', () => void subscriber.subscribe(RULES_CHANNEL).catch(() => {}));

  return {
    isCurrent: () => held === publisher.current().sha256,
    close() {
      clearInterval(timer);
      client.disconnect();
      subscriber.disconnect();
    },
  };
}

interface HeldRules {
  readonly epoch: string | null | undefined;
  readonly revision: string | null | undefined;
  readonly sha256: string;
  readonly signature: string | null | undefined;
}

/** What Redis holds, by the hash that its body really has; undefined when it is no hash at all. */
async function readRules(client: RedisClient): Promise<HeldRules | undefined> {
  try {
    const fields = await client.hmget(RULES_KEY, 'epoch', 'revision', 'sha256', 'body', 'signature');
    const [epoch, revision, said, body, signature] = fields;
    const sha256 = createHash('sha256')
      .update(body ?? '')
      .digest('hex');
    return { epoch, revision, sha256: sha256 === said ? sha256 : '', signature };
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined;
    throw error;
  }
}

function isSame(held: HeldRules | undefined, { epoch, revision, sha256 }: Published): boolean {
  return held?.epoch === epoch && held.revision === String(revision) && held.sha256 === sha256;
}
