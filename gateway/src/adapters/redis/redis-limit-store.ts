import type { InFlightRequest, LimitStatus } from '@ai-gateway/contracts';
import {
  adoptedAmount,
  bucketAt,
  differenceOf,
  type Extension,
  type Held,
  inFlightOf,
  type Limit,
  type LimitDecision,
  NO_TOKENS,
  oldestOf,
  type Progress,
  queuedKeys,
  type Renewal,
  type ReserveRequest,
  statusOf,
  TICKET_MS,
  type TokenAmounts,
} from '@ai-gateway/limits';
import {
  type Adoption,
  type CountersCopy,
  LimiterUnavailable,
  type LimitStore,
  type RunningReport,
} from '../../services.ts';
import { copyCounters } from './copy-counters.ts';
import { type RedisKeys, redisKeys } from './keys.ts';
import { changeOf, heldIn, recordOf, recordOfHeld } from './record.ts';
import { decisionOf, pushLimit, useIn } from './reply.ts';
import { loadScripts, type RedisClient, runScript, type ScriptName } from './scripts.ts';

export interface RedisLimitStoreOptions {
  readonly client: RedisClient;
  /** Hash tag of all keys; installations that share a Redis take different ones. */
  readonly tag: string;
  readonly gatewayId: string;
  /** Names the life of the data in Redis; drawn anew whenever it is found empty. */
  readonly newEpoch: () => string;
  /** Milliseconds that never step back. */
  readonly nowMs: () => number;
  /** After this a reply comes too late, so an admission must not happen any more either. */
  readonly timeoutMs: number;
  /** Called when the data was lost: whatever runs must be adopted again. */
  readonly onDataLost: () => void;
  /** For tests that control Redis's time, in µs. */
  readonly clockUs?: () => number;
}

type Arguments = (string | number)[];

/** Running requests that a report looks through, and how many it reads at a time. */
const SEARCHED_IN_FLIGHT = 20_000;
const CHUNK = 500;

/** Requests that one renewal handles, and counters that one reading does, so that Redis is never held up for long. */
const RENEWED_AT_ONCE = 100;
const READ_AT_ONCE = 200;
/** As many as expired.lua returns; rounds end even if somebody else keeps what is found. */
const REAPED_AT_ONCE = 100;
const MAX_REAP_ROUNDS = 200;

/** Limits in Redis, shared by all gateways that use it: every decision is one script, so nothing can come between. */
export class RedisLimitStore implements LimitStore {
  readonly #options: RedisLimitStoreOptions;
  readonly #client: RedisClient;
  readonly #at: RedisKeys;
  readonly #scripts;
  #epoch = '';
  /** Redis's clock minus ours, ms; unknown before the first reply. */
  #offsetMs: number | undefined;
  #liveGateways = 1;
  readonly timeoutMs: number;

  constructor(options: RedisLimitStoreOptions) {
    this.#options = options;
    this.timeoutMs = options.timeoutMs;
    this.#client = options.client;
    this.#at = redisKeys(options.tag);
    this.#scripts = loadScripts(options.clockUs !== undefined);
  }

  /** An instant of this gateway's clock on Redis's, as far as that is known. */
  toStoreMs(atMs: number): number {
    return Math.round(atMs + (this.#offsetMs ?? 0));
  }

  /** How many gateways share the store, as of the last renewal. */
  liveGateways(): number {
    return this.#liveGateways;
  }

  async reserve(limits: readonly Limit[], request: ReserveRequest): Promise<LimitDecision> {
    if (this.#epoch === '') await this.#learnEpoch();
    let reply = await this.#reserveOnce(limits, request);
    if (reply[0] === 4) await this.#learnEpoch();
    // Too late by a clock that jumped, or by another epoch: what the reply taught makes the second try good.
    if (reply[0] === 3 || reply[0] === 4) reply = await this.#reserveOnce(limits, request);
    return decisionOf(limits, request, reply);
  }

  async extend(held: Held, outputTokens: number, isForced: boolean): Promise<Extension> {
    const raised: Held = { ...held, outputTokens };
    const keys: string[] = [this.#at.reservations];
    const parameters: Arguments = [held.reservationId, isForced ? '1' : '0', held.outputTokens, outputTokens];
    for (const entry of held.entries) {
      if (entry.kind === 'slot') continue;
      const difference = differenceOf(entry, held, raised, held.price);
      if (difference === 0) continue;
      keys.push(this.#at.counter(entry.key));
      const max = entry.isObserved ? -1 : entry.max;
      parameters.push(bucketAt(entry, held.admittedMs), difference, entry.windowMs, entry.buckets, max);
    }
    // The reply is what extend.lua documents.
    const [status, reserved = 0] = (await this.#run('extend', keys, parameters)) as number[];
    if (status === 3) return this.extend({ ...held, outputTokens: reserved }, outputTokens, isForced);
    if (status === 2) return 'gone';
    return status === 1 ? 'granted' : 'denied';
  }

  async cancel(reservationId: string): Promise<void> {
    const fields = [reservationId, `o:${reservationId}`];
    const [record, reserved] = await this.#bare((client) => client.hmget(this.#at.reservations, ...fields));
    const held = typeof record === 'string' ? heldIn(reservationId, record, reserved ?? '0') : undefined;
    if (held !== undefined) await this.settle(held, NO_TOKENS);
  }

  settle(held: Held, actual: TokenAmounts, voidedKeys: readonly string[] = []): Promise<boolean> {
    return this.#settle(held, actual, { voidedKeys, onlyExpired: false });
  }

  async renew(running: readonly Progress[], leaseMs: number): Promise<Renewal> {
    const renewals: Renewal[] = [];
    if (this.#epoch === '') await this.#learnEpoch();
    // An empty renewal still says that this gateway lives.
    for (let from = 0; from === 0 || from < running.length; from += RENEWED_AT_ONCE) {
      renewals.push(await this.#renewChunk(running.slice(from, from + RENEWED_AT_ONCE), leaseMs));
    }
    return { late: renewals.flatMap(({ late }) => late), gone: renewals.flatMap(({ gone }) => gone) };
  }

  async adopt(adopted: readonly Adoption[], leaseMs: number): Promise<void> {
    await Promise.all(adopted.map((adoption) => this.#adoptOne(adoption, leaseMs)));
  }

  async leave(limits: readonly Limit[], reservationId: string): Promise<void> {
    const lines = queuedKeys(limits).map(this.#at.lineOf);
    await this.#run('leave', [this.#at.queue, this.#at.tickets, ...lines], [reservationId]);
  }

  async reap(leaseMs: number): Promise<number> {
    let reaped = 0;
    for (let round = 0; round < MAX_REAP_ROUNDS; round++) {
      // The reply is what expired.lua documents.
      const expired = (await this.#run('expired', [this.#at.leases, this.#at.reservations], [leaseMs])) as string[];
      const rows = Array.from({ length: expired.length / 4 }, (_, index) => expired.slice(index * 4, index * 4 + 4));
      const done = await Promise.all(rows.map((row) => this.#reapOne(row)));
      reaped += done.filter((isReaped) => isReaped).length;
      if (rows.length < REAPED_AT_ONCE) break;
    }
    return reaped;
  }

  async status(limits: readonly Limit[]): Promise<readonly LimitStatus[]> {
    const statuses: LimitStatus[] = [];
    for (let from = 0; from < limits.length; from += READ_AT_ONCE) {
      statuses.push(...(await this.#statusOf(limits.slice(from, from + READ_AT_ONCE))));
    }
    return statuses;
  }

  async copy(limits: readonly Limit[]): Promise<CountersCopy> {
    const { clockUs } = this.#options;
    const copied = await this.#bare((client) => copyCounters(client, this.#at, limits));
    return clockUs === undefined ? copied : { ...copied, nowUs: clockUs() };
  }

  async running(namespaceId: string): Promise<RunningReport> {
    const { clockUs, nowMs } = this.#options;
    const atMs = Math.floor(clockUs === undefined ? nowMs() + (this.#offsetMs ?? 0) : clockUs() / 1000);
    return this.#bare(async (client) => {
      const all = await inFlightIn(client, this.#at, namespaceId);
      return { ...oldestOf(all), waiting: await waitingIn(client, this.#at, { namespaceId, nowMs: atMs }) };
    });
  }

  /** @throws LimiterUnavailable whatever goes wrong */
  #run(name: ScriptName, keys: readonly string[], parameters: readonly (string | number)[]): Promise<unknown> {
    const { clockUs } = this.#options;
    const all = clockUs === undefined ? parameters : [...parameters, clockUs()];
    return this.#bare((client) => runScript(client, this.#scripts[name], keys, all));
  }

  /** @throws LimiterUnavailable whatever goes wrong */
  async #bare<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    try {
      return await work(this.#client);
    } catch (error) {
      throw new LimiterUnavailable(error instanceof Error ? error.message : String(error));
    }
  }

  /** Learns the epoch, or begins one where there is none: then whatever was counted is gone. */
  async #learnEpoch(): Promise<void> {
    const before = this.#epoch;
    this.#epoch = await this.#bare(async (client) => {
      await client.hsetnx(this.#at.reservations, 'epoch', this.#options.newEpoch());
      return (await client.hget(this.#at.reservations, 'epoch')) ?? '';
    });
    if (before !== '' && this.#epoch !== before) this.#options.onDataLost();
  }

  async #reserveOnce(limits: readonly Limit[], request: ReserveRequest): Promise<readonly unknown[]> {
    const { leases, reservations, queue, tickets } = this.#at;
    const keys: string[] = [leases, reservations, queue, tickets];
    for (const { key } of limits) keys.push(this.#at.counter(key));
    for (const key of queuedKeys(limits)) keys.push(this.#at.lineOf(key));
    // The reply is what reserve.lua documents.
    const reply = (await this.#run('reserve', keys, this.#reserveArguments(limits, request))) as unknown[];
    this.#offsetMs = Number(reply[1]) / 1000 - this.#options.nowMs();
    return reply;
  }

  #reserveArguments(limits: readonly Limit[], request: ReserveRequest): Arguments {
    const { reservationId, leaseMs, about, queue } = request;
    const { nowMs, clockUs } = this.#options;
    const isTimed = this.#offsetMs !== undefined && clockUs === undefined;
    const parameters: Arguments = [
      reservationId,
      leaseMs,
      isTimed ? Math.floor(nowMs() + (this.#offsetMs ?? 0) + this.timeoutMs) : 0,
      this.#epoch,
      recordOf(limits, request),
      about.namespaceId,
      queue?.weight ?? 0,
      queue?.maxWaiting ?? 0,
      TICKET_MS,
      request.outputTokens,
    ];
    for (const limit of limits) pushLimit(parameters, limit, request);
    return parameters;
  }

  async #renewChunk(running: readonly Progress[], leaseMs: number): Promise<Renewal> {
    const { leases, reservations, gateways } = this.#at;
    const keys: string[] = [leases, reservations, gateways];
    const indexOf = new Map<string, number>();
    const parameters: Arguments = [leaseMs, this.#epoch, this.#options.gatewayId, leaseMs];
    for (const { held, outputSoFar } of running) {
      const slots = held.entries.filter(({ kind }) => kind === 'slot').map(({ key }) => key);
      for (const key of slots) if (!indexOf.has(key)) indexOf.set(key, keys.push(this.#at.counter(key)));
      parameters.push(held.reservationId, outputSoFar, slots.length, ...slots.map((key) => indexOf.get(key) ?? 0));
    }
    // The reply is what renew.lua documents.
    const reply = (await this.#run('renew', keys, parameters)) as [number, number, number, string[], string[]];
    const [, isThisEpoch, live, late, gone] = reply;
    if (isThisEpoch === 1) {
      this.#liveGateways = Math.max(1, live);
      return { late, gone };
    }
    await this.#learnEpoch();
    return { late: [], gone: [] };
  }

  async #settle(
    held: Held,
    actual: TokenAmounts,
    { voidedKeys, onlyExpired }: { readonly voidedKeys: readonly string[]; readonly onlyExpired: boolean },
  ): Promise<boolean> {
    const keys: string[] = [this.#at.leases, this.#at.reservations];
    const parameters: Arguments = [held.reservationId, onlyExpired ? '1' : '0', held.outputTokens];
    for (const entry of held.entries) {
      keys.push(this.#at.counter(entry.key));
      parameters.push(...changeOf(entry, held, voidedKeys.includes(entry.key) ? NO_TOKENS : actual));
    }
    // The reply is what settle.lua documents.
    const [status, reserved = 0] = (await this.#run('settle', keys, parameters)) as number[];
    if (status !== 2) return status === 1;
    return this.#settle({ ...held, outputTokens: reserved }, actual, { voidedKeys, onlyExpired });
  }

  async #statusOf(limits: readonly Limit[]): Promise<readonly LimitStatus[]> {
    const parameters = limits.flatMap((limit) =>
      limit.kind === 'window' ? ['w', limit.windowMs, limit.buckets] : [limit.kind === 'concurrency' ? 'c' : 'r', 0, 0],
    );
    const keys = limits.map(({ key }) => this.#at.counter(key));
    // The reply is what status.lua documents.
    const [nowUs = 0, ...pairs] = (await this.#run('status', keys, parameters)) as number[];
    return limits.map((limit, index) => {
      const use = useIn(limit, pairs[index * 2] ?? 0, { highest: pairs[index * 2 + 1] ?? 0, nowUs });
      return statusOf(limit, use, Math.floor(nowUs / 1000));
    });
  }

  async #reapOne([id = '', record = '', outputSoFar = '0', reserved = '0']: readonly string[]): Promise<boolean> {
    const held = heldIn(id, record, reserved);
    if (held === undefined) {
      // Nobody can tell what it holds: slots run out and windows turn by themselves.
      await this.#bare(async (client) => {
        await client.hdel(this.#at.reservations, id, `o:${id}`, `p:${id}`);
        await client.zrem(this.#at.leases, id);
      });
      return false;
    }
    const actual = { inputTokens: held.inputTokens, outputTokens: Number(outputSoFar) };
    return this.#settle(held, actual, { voidedKeys: [], onlyExpired: true });
  }

  async #adoptOne({ held, counted, outputSoFar }: Adoption, leaseMs: number): Promise<void> {
    const keys: string[] = [this.#at.leases, this.#at.reservations];
    const record = `${held.admittedMs}\n\n${recordOfHeld(held)}`;
    const parameters: Arguments = [held.reservationId, leaseMs, record, held.outputTokens, outputSoFar];
    for (const entry of held.entries) {
      keys.push(this.#at.counter(entry.key));
      if (entry.kind === 'slot') {
        parameters.push('', 0, 0, 0);
        continue;
      }
      const amount = adoptedAmount(entry, counted, held);
      parameters.push(bucketAt(entry, held.admittedMs), amount, entry.windowMs, entry.buckets);
    }
    await this.#run('adopt', keys, parameters);
  }
}

/** Looks through the reservations that run, the oldest lease first, for those of a namespace. */
async function inFlightIn(
  client: RedisClient,
  at: RedisKeys,
  namespaceId: string,
): Promise<readonly InFlightRequest[]> {
  const ids = await client.zrange(at.leases, '0', String(SEARCHED_IN_FLIGHT - 1));
  const found: InFlightRequest[] = [];
  for (let from = 0; from < ids.length; from += CHUNK) {
    const chunk = ids.slice(from, from + CHUNK);
    const fields = [...chunk, ...chunk.map((id) => `p:${id}`), ...chunk.map((id) => `o:${id}`)];
    const values = await client.hmget(at.reservations, ...fields);
    for (const [index, id] of chunk.entries()) {
      const record = values[index];
      if (typeof record !== 'string') continue;
      const held = heldIn(id, record, values[2 * chunk.length + index] ?? '0');
      if (held?.about.namespaceId !== namespaceId) continue;
      found.push(inFlightOf({ held, outputSoFar: Number(values[chunk.length + index] ?? 0) }));
    }
  }
  return found;
}

/** Tickets of a namespace that have not run out. */
async function waitingIn(
  client: RedisClient,
  at: RedisKeys,
  { namespaceId, nowMs }: { readonly namespaceId: string; readonly nowMs: number },
): Promise<number> {
  const ids = await client.zrangebyscore(at.tickets, `(${nowMs}`, '+inf');
  if (ids.length === 0) return 0;
  const tickets = await client.hmget(at.queue, ...ids.map((id) => `t:${id}`));
  return tickets.filter((ticket) => ticket?.endsWith(`|${namespaceId}`)).length;
}
