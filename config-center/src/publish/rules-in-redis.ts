import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RULES_CHANNEL, RULES_KEY } from '@ai-gateway/contracts';
import type { RulesSigner } from '@ai-gateway/contracts/secrets';
import type { Logger } from 'pino';
import { deltasSince, type Published, type Publisher } from './publisher.ts';
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

/** A body of so many bytes is not sent with each revision, but when Redis is next compared with SQL. */
const LONG_BODY = 1024 * 1024;

/** Answers of the script. */
const WRITTEN = 1;
const NO_BODY = 2;

/** Keeps the newest revision in Redis; any number of config centers may do so at once. */
export interface RulesInRedis {
  /** Whether Redis held the newest revision when it was last written or compared. */
  isCurrent(): boolean;
  close(): void;
}

export function rulesInRedis({ client, subscriber, publisher, signer, log }: RulesInRedisOptions): RulesInRedis {
  let held = '';
  /** Which rules the body in Redis is of, as far as this process has written it. */
  let heldBody = { epoch: '', revision: -1 };
  let isBusy = false;
  let isAsked = false;

  /** Sends the whole body, or only what led to it when the one there was written lately. */
  async function write(rules: Published, wrongRevision = ''): Promise<void> {
    const canStay = wrongRevision === '' && isLong(rules) && deltasSince(rules, heldBody) !== undefined;
    if (canStay && (await run(rules, '', wrongRevision)) !== NO_BODY) return;
    if ((await run(rules, rules.body, wrongRevision)) === WRITTEN) heldBody = rules;
  }

  async function run(rules: Published, body: string, wrongRevision: string): Promise<unknown> {
    const { epoch, revision, sha256 } = rules;
    const deltas = `[${rules.deltas.map(({ text }) => text).join(',')}]`;
    const head = [epoch, String(revision), sha256, deltas];
    const parameters = [...head, body, RULES_CHANNEL, wrongRevision, signer.sign(rules)];
    const answer = await client.eval(SCRIPT, 1, RULES_KEY, ...parameters);
    if (answer === WRITTEN) held = sha256;
    return answer;
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
    const isSigned = inRedis?.signature === signer.sign(current);
    if (isSigned && isSame(inRedis, current)) {
      held = current.sha256;
      heldBody = current;
      return;
    }
    // Only the body is of an earlier revision, as it may be for a while.
    const isBehind = inRedis?.epoch === current.epoch && inRedis.said === current.sha256 && isLong(current);
    if (isSigned && isBehind && held === current.sha256) {
      heldBody = { epoch: '', revision: -1 };
      await write(current);
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
  readonly said: string | null | undefined;
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
    return { epoch, revision, said, sha256: sha256 === said ? sha256 : '', signature };
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined;
    throw error;
  }
}

function isLong({ sizeBytes }: Published): boolean {
  return sizeBytes > LONG_BODY;
}

function isSame(held: HeldRules | undefined, { epoch, revision, sha256 }: Published): boolean {
  return held?.epoch === epoch && held.revision === String(revision) && held.sha256 === sha256;
}
