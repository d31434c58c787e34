import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster, Redis } from 'ioredis';

/** A connection to one server or to a cluster. */
export type RedisClient = Redis | Cluster;

/** A script as it is sent: its source, and the SHA-1 by which a server knows it once it has seen it. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

/**
 * `#!lua` makes Redis refuse a script before its first write when memory is full; without it a half-done script would
 * stay half done. Scripts that only give back may run even then.
 */
const FLAGS = {
  reserve: '',
  settle: ' flags=allow-oom',
  extend: '',
  renew: ' flags=allow-oom',
  adopt: '',
  leave: ' flags=allow-oom',
  status: ' flags=allow-oom',
  expired: ' flags=allow-oom',
} as const;

export type ScriptName = keyof typeof FLAGS;
export type Scripts = { readonly [Name in ScriptName]: Script };

const TIME = "local time = redis.call('TIME')";
/** For tests that control time: the instant in µs comes as the last argument. */
const TIME_FROM_ARGUMENTS =
  'local time = {math.floor(tonumber(ARGV[#ARGV]) / 1000000), tonumber(ARGV[#ARGV]) % 1000000}; ARGV[#ARGV] = nil';

/** Reads the scripts beside this file. */
export function loadScripts(hasTimeArgument = false): Scripts {
  const read = (name: string) => readFileSync(join(import.meta.dirname, `${name}.lua`), 'utf8');
  const common = hasTimeArgument ? read('common').replace(TIME, TIME_FROM_ARGUMENTS) : read('common');
  const entries = Object.entries(FLAGS).map(([name, flags]) => {
    const source = `#!lua${flags}\n${common}${read(name)}`;
    return [name, { source, sha: createHash('sha1').update(source).digest('hex') }];
  });
  // The entries were made from the keys of FLAGS.
  return Object.fromEntries(entries) as Scripts;
}

/** Runs a script by its hash; a server that does not know it (restarted, SCRIPT FLUSH) is sent the source. */
export async function runScript(
  client: RedisClient,
  { sha, source }: Script,
  keys: readonly string[],
  parameters: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await client.evalsha(sha, keys.length, ...keys, ...parameters);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return client.eval(source, keys.length, ...keys, ...parameters);
  }
}
