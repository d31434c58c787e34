import type { LimitsReport } from '@ai-gateway/contracts';
import {
  degrade,
  type Held,
  heldOf,
  type Limit,
  type LimitDecision,
  type LimitFailure,
  NO_TOKENS,
  type Preview,
  preview,
  type ReserveRequest,
  type TokenAmounts,
} from '@ai-gateway/limits';
import {
  type LimiterEvent,
  LimiterUnavailable,
  type LimitStore,
  type Limits,
  type LimitsPreview,
  type Log,
  type Patience,
  type TakeRequest,
} from '../services.ts';
import { inChunks, missedNotes } from './missed-notes.ts';
import { type Manner, type SharedAccess, type SharedStore, sharedAccess } from './shared-access.ts';
import { waitingRoom } from './waiting-room.ts';

export interface LimitKeeperOptions {
  readonly local: LimitStore;
  /** Absent: this process counts alone, by design. */
  readonly shared?: SharedStore | undefined;
  readonly leaseMs: number;
  /** Gateways that the config center knows of; at least 1. */
  readonly fleetSize?: () => number;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly log: Pick<Log, 'warn' | 'info'>;
  readonly onEvent: (event: LimiterEvent) => void;
}

/** A request that runs: what it holds, where, and how far it is. */
interface Running {
  /** As the shared store has it, or will have it. */
  held: Held;
  /** What this gateway's own counters have of it; absent when the shared store counts. */
  local: LocalPart | undefined;
  readonly limits: readonly Limit[];
  soFar: () => number;
  /** Output that the shared store has been told of. */
  reportedOutput: number;
  /** Until then nothing is asked for it: the last answer never came. */
  blindUntilMs: number;
}

/** A reservation in the local store; `base` is what the shared store had counted of it before. */
interface LocalPart {
  readonly held: Held;
  readonly base: TokenAmounts;
}

/** A client waits, and there is no other way. */
const URGENTLY: Manner = { isNeeded: true, isUrgent: true };
/** Nobody waits, but it must be done. */
const IN_BACKGROUND: Manner = { isNeeded: true, isUrgent: false };
/** It will be done by somebody, or by time. */
const SPARINGLY: Manner = { isNeeded: false, isUrgent: false };

/**
 * A year: what this process holds in its own counters ends with it, so nothing there need run out, not even when the
 * process stands still for longer than a lease.
 */
const OWN_LEASE_MS = 365 * 24 * 3_600_000;

/** How long a question whose answer never came is not asked again for the same request. */
const BLIND_MS = 1_000;

/** How long a stop waits for settlements. */
const CLOSE_MS = 500;

/**
 * The limits as stages use them: keeps leases alive, waits in line, goes on by each policy's `onLimiterDown` while the
 * shared store is away, and tells it afterwards what it missed.
 */
export class LimitKeeper implements Limits {
  readonly #options: LimitKeeperOptions;
  readonly #access: SharedAccess | undefined;
  readonly #running = new Map<string, Running>();
  readonly #room: ReturnType<typeof waitingRoom>;
  readonly #missed = missedNotes((id) => this.#isShared(id));
  readonly #timers: readonly (() => void)[];
  #turn: Promise<void> = Promise.resolve();
  #isCatchingUp = false;
  readonly #settling = new Set<Promise<void>>();

  constructor(options: LimitKeeperOptions) {
    const { shared: store, leaseMs, nowMs, random, log, onEvent } = options;
    this.#options = options;
    this.#room = waitingRoom(nowMs);
    this.#access =
      store === undefined
        ? undefined
        : sharedAccess({ store, nowMs, random, log, onEvent, onBack: () => void this.#catchUp() });
    this.#timers = [
      repeat(() => this.#renew(), leaseMs / 10, random),
      ...(store === undefined ? [] : [repeat(() => this.#reap(), Math.min(500, leaseMs / 3), random)]),
    ];
  }

  take(limits: readonly Limit[], request: TakeRequest, patience: Patience): Promise<LimitDecision> {
    const { local, leaseMs } = this.#options;
    const terms = patience.maxWaitMs > 0 ? request.queue : undefined;
    const asking = { ...request, leaseMs, queue: terms };
    const leave = async () => {
      if (this.#access === undefined) await local.leave(limits, request.reservationId);
      else await this.#access.ask((shared) => shared.leave(limits, request.reservationId), SPARINGLY);
    };
    return this.#room.take(() => this.#attempt(limits, asking), leave, patience);
  }

  async preview(
    limits: readonly Limit[],
    request: TakeRequest,
    { maxWaitMs }: Pick<Patience, 'maxWaitMs'>,
  ): Promise<LimitsPreview> {
    const { local, leaseMs } = this.#options;
    const asking = { ...request, leaseMs, queue: maxWaitMs > 0 ? request.queue : undefined };
    const read = async (from: LimitStore, bounds: readonly Limit[]): Promise<Preview> => {
      const { state, nowUs } = await from.copy(bounds);
      return preview(state, bounds, asking, nowUs);
    };
    if (this.#access === undefined) return { store: 'process', ...(await read(local, limits)) };
    const seen = await this.#access.look((shared) => read(shared, limits));
    if (seen !== undefined) return { store: 'shared', ...seen };
    const plan = degrade(limits, this.#gateways(this.#access));
    refuseClosed(plan.closed[0]);
    const alone = await read(local, plan.local);
    const { decision } = alone;
    if (decision.kind === 'admitted') return { store: 'degraded', ...alone };
    return { store: 'degraded', ...alone, decision: { ...decision, failures: decision.failures.map(mayPassLater) } };
  }

  settle(reservationId: string, actual: TokenAmounts, voidedKeys: readonly string[] = []): Promise<void> {
    const one = this.#running.get(reservationId);
    if (one === undefined) return Promise.resolve();
    this.#running.delete(reservationId);
    const done = this.#settle(one, actual, voidedKeys).finally(() => this.#settling.delete(done));
    this.#settling.add(done);
    return done;
  }

  async extend(reservationId: string, outputTokens: number): Promise<boolean> {
    const one = this.#running.get(reservationId);
    return one === undefined || this.#raise(one, outputTokens, false);
  }

  track(reservationId: string, soFar: () => number): void {
    const one = this.#running.get(reservationId);
    if (one !== undefined) one.soFar = soFar;
  }

  async report(namespaceId: string, limits: readonly Limit[]): Promise<LimitsReport> {
    const read = async (from: LimitStore, kind: LimitsReport['store']): Promise<LimitsReport> => {
      const [counters, runs] = await Promise.all([from.status(limits), from.running(namespaceId)]);
      return { store: kind, limits: [...counters], ...runs, inFlight: [...runs.inFlight] };
    };
    return this.#readAnywhere(read);
  }

  counters(limits: readonly Limit[]): Promise<Pick<LimitsReport, 'store' | 'limits'>> {
    return this.#readAnywhere(async (from, store) => ({ store, limits: [...(await from.status(limits))] }));
  }

  dataLost(): Promise<void> {
    return this.#inTurn(() => this.#adopt(() => true));
  }

  isDown(): boolean {
    return this.#access?.isDown() ?? false;
  }

  async close(): Promise<void> {
    for (const stop of this.#timers) stop();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_MS);
    await Promise.race([Promise.allSettled([...this.#settling]), late]);
    clearTimeout(timer);
  }

  async #readAnywhere<T>(read: (from: LimitStore, store: LimitsReport['store']) => Promise<T>): Promise<T> {
    if (this.#access === undefined) return read(this.#options.local, 'process');
    const seen = await this.#access.look((shared) => read(shared, 'shared'));
    return seen ?? read(this.#options.local, 'degraded');
  }

  async #attempt(limits: readonly Limit[], request: ReserveRequest): Promise<LimitDecision> {
    if (this.#access === undefined) {
      const decision = await this.#options.local.reserve(limits, { ...request, leaseMs: OWN_LEASE_MS });
      if (decision.kind === 'admitted') this.#keep(limits, decision.held, { held: decision.held, base: NO_TOKENS });
      return decision;
    }
    // A question of this request was not answered: it does not wait a second time.
    if (this.#missed.isDoubted(request.reservationId)) return this.#reserveAlone(limits, request, this.#access);
    const isNeeded = limits.some(({ onLimiterDown, isObserved }) => onLimiterDown === 'closed' && !isObserved);
    const asked = await this.#access.ask((shared) => shared.reserve(limits, request), { isNeeded, isUrgent: true });
    if (asked.kind === 'answered') {
      if (asked.answer.kind === 'admitted') this.#keep(limits, asked.answer.held, undefined);
      return asked.answer;
    }
    if (asked.wasAsked) this.#missed.doubt(request.reservationId);
    return this.#reserveAlone(limits, request, this.#access);
  }

  /** @throws LimiterUnavailable when a limit would rather refuse than guess */
  async #reserveAlone(limits: readonly Limit[], request: ReserveRequest, access: SharedAccess): Promise<LimitDecision> {
    const { local, onEvent } = this.#options;
    const plan = degrade(limits, this.#gateways(access));
    const closed = plan.closed[0];
    if (closed !== undefined) onEvent({ kind: 'degraded', mode: 'closed' });
    refuseClosed(closed);
    onEvent({ kind: 'degraded', mode: plan.local.length > 0 ? 'local' : 'open' });
    const decision = await local.reserve(plan.local, { ...request, leaseMs: OWN_LEASE_MS, queue: undefined });
    if (decision.kind === 'refused') return { ...decision, failures: decision.failures.map(mayPassLater) };
    // What the shared store will be told: all limits, with their own bounds.
    const held = heldOf(request, limits, access.toStoreMs(decision.held.admittedMs));
    this.#keep(limits, held, { held: decision.held, base: NO_TOKENS });
    return decision;
  }

  #keep(limits: readonly Limit[], held: Held, local: LocalPart | undefined): void {
    const one: Running = { held, local, limits, soFar: () => 0, reportedOutput: 0, blindUntilMs: 0 };
    this.#running.set(held.reservationId, one);
  }

  #gateways(access: SharedAccess): number {
    return Math.max(access.liveGateways(), this.#options.fleetSize?.() ?? 1);
  }

  async #settle({ held, local, reportedOutput }: Running, actual: TokenAmounts, voidedKeys: readonly string[]) {
    const { leaseMs } = this.#options;
    if (local !== undefined) await this.#options.local.settle(local.held, atLeast(local.base, actual), voidedKeys);
    if (this.#access === undefined) {
      this.#room.wake();
      return;
    }
    const asked =
      local === undefined
        ? await this.#access.ask((shared) => shared.settle(held, actual, voidedKeys), IN_BACKGROUND)
        : undefined;
    if (asked?.kind !== 'answered') {
      this.#missed.settlement({ held, actual, voidedKeys, isNew: local !== undefined });
    } else if (!asked.answer) {
      // Taken for dead and settled by what was last reported: what came after that is still to be counted.
      const counted = { inputTokens: held.inputTokens, outputTokens: reportedOutput };
      const correct = async (shared: SharedStore) => {
        await shared.adopt([{ held, counted, outputSoFar: actual.outputTokens }], leaseMs);
        await shared.settle(held, actual, voidedKeys);
      };
      await this.#access.ask(correct, IN_BACKGROUND);
    }
    this.#room.wake();
  }

  #isShared(reservationId: string): boolean {
    const one = this.#running.get(reservationId);
    return one !== undefined && one.local === undefined;
  }

  /** Raises what a running request holds; while nobody answers, as each limit says. */
  async #raise(one: Running, outputTokens: number, isForced: boolean): Promise<boolean> {
    if (one.local === undefined && this.#access !== undefined) {
      const { held } = one;
      const isBlind = one.blindUntilMs > this.#options.nowMs();
      const asked = isBlind
        ? undefined
        : await this.#access.ask((shared) => shared.extend(held, outputTokens, isForced), URGENTLY);
      if (asked?.kind !== 'answered') return !isForced && (await this.#raiseAlone(one, outputTokens, this.#access));
      if (asked.answer === 'denied') return false;
    } else if (one.local !== undefined) {
      const { held, base } = one.local;
      if ((await this.#options.local.extend(held, outputTokens, isForced)) === 'denied') return false;
      one.local = { held: { ...held, outputTokens }, base };
    }
    one.held = { ...one.held, outputTokens: Math.max(one.held.outputTokens, outputTokens) };
    return true;
  }

  /** From here on this gateway's share counts what comes beyond that which the shared store has counted. */
  async #raiseAlone(one: Running, outputTokens: number, access: SharedAccess): Promise<boolean> {
    const { local, nowMs, onEvent } = this.#options;
    one.blindUntilMs = nowMs() + BLIND_MS;
    const plan = degrade(one.limits, this.#gateways(access));
    if (plan.closed.some(({ kind }) => kind === 'window')) {
      onEvent({ kind: 'degraded', mode: 'closed' });
      return false;
    }
    const { inputTokens, outputTokens: counted } = one.held;
    const held = heldOf({ ...one.held, leaseMs: OWN_LEASE_MS }, plan.local, Math.floor(nowMs()));
    const base = { inputTokens, outputTokens: counted };
    await local.adopt([{ held, counted: base, outputSoFar: one.soFar() }], OWN_LEASE_MS);
    one.local = { held, base };
    return this.#raise(one, outputTokens, false);
  }

  /** Prolongs the leases of what runs, says how far it is, and raises reservations that the tokens have outgrown. */
  async #renew(): Promise<void> {
    const all = [...this.#running.values()];
    for (const one of all) if (one.soFar() > one.held.outputTokens) await this.#raise(one, one.soFar(), true);
    const alone = all.flatMap(({ local, soFar }) =>
      local === undefined ? [] : [{ held: local.held, outputSoFar: soFar() }],
    );
    await this.#options.local.renew(alone, OWN_LEASE_MS);
    if (this.#access === undefined) return;
    await this.#renewShared(
      this.#access,
      all.filter(({ local }) => local === undefined),
    );
    // Not awaited: leases of what runs must not wait for the past.
    if (!this.#access.isDown() && (this.#missed.count() > 0 || alone.length > 0)) void this.#catchUp();
  }

  async #renewShared(access: SharedAccess, reported: readonly Running[]): Promise<void> {
    const progress = reported.map(({ held, soFar }) => ({ held, outputSoFar: soFar() }));
    const asked = await access.ask((shared) => shared.renew(progress, this.#options.leaseMs), IN_BACKGROUND);
    if (asked.kind !== 'answered') return;
    const { late, gone } = asked.answer;
    if (late.length > 0) {
      this.#options.log.warn({ reservationIds: late }, 'leases had run out and are counted again');
    }
    const isGone = ({ held }: Running) => gone.includes(held.reservationId);
    for (const [index, one] of reported.entries()) {
      if (!isGone(one)) one.reportedOutput = progress[index]?.outputSoFar ?? 0;
    }
    await this.#readopt(reported.filter(isGone));
  }

  /** Requests that were settled for dead by what they had reported, but run: they are counted again from there. */
  async #readopt(gone: readonly Running[]): Promise<void> {
    const { log, leaseMs } = this.#options;
    const back = gone.filter(({ held }) => this.#running.has(held.reservationId));
    if (back.length === 0) return;
    log.warn({ requests: back.length }, 'running requests had been taken for dead and are counted again');
    const adoptions = back.map(({ held, reportedOutput, soFar }) => ({
      held,
      counted: { inputTokens: held.inputTokens, outputTokens: reportedOutput },
      outputSoFar: soFar(),
    }));
    const asked = await this.#access?.ask((shared) => shared.adopt(adoptions, leaseMs), IN_BACKGROUND);
    if (asked?.kind !== 'answered') return;
    for (const [index, one] of back.entries()) one.reportedOutput = adoptions[index]?.outputSoFar ?? 0;
  }

  /** Settles what vanished gateways have left behind. */
  async #reap(): Promise<void> {
    const asked = await this.#access?.ask((shared) => shared.reap(this.#options.leaseMs), SPARINGLY);
    if (asked?.kind !== 'answered' || asked.answer === 0) return;
    this.#options.log.warn({ reservations: asked.answer }, 'reservations of vanished gateways were settled');
  }

  /** Tells the shared store what happened while it was away: what it may have taken in vain, what has ended, what runs. */
  async #catchUp(): Promise<void> {
    const { shared, leaseMs } = this.#options;
    if (shared === undefined || this.#isCatchingUp) return;
    this.#isCatchingUp = true;
    await this.#inTurn(async () => {
      await this.#missed.tell(shared, leaseMs);
      await this.#adopt(({ local }) => local !== undefined);
    });
    this.#isCatchingUp = false;
  }

  /** One after the other: a doubt must not be cancelled while the same request is being entered. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).catch(() => {});
    return this.#turn;
  }

  async #adopt(isMeant: (one: Running) => boolean): Promise<void> {
    const { local: store, leaseMs } = this.#options;
    const isOver = (one: Running) => this.#running.get(one.held.reservationId) !== one;
    await inChunks([...this.#running.values()].filter(isMeant), async (one) => {
      // One that has ended meanwhile is settled by the note that its end has left.
      if (isOver(one)) return;
      const outputSoFar = one.soFar();
      const adoption = { held: one.held, counted: undefined, outputSoFar };
      const asked = await this.#access?.ask((shared) => shared.adopt([adoption], leaseMs), IN_BACKGROUND);
      const { local, held } = one;
      if (asked?.kind === 'answered') one.reportedOutput = outputSoFar;
      if (asked?.kind !== 'answered' || local === undefined || isOver(one)) return;
      one.local = undefined;
      await store.settle(local.held, local.base);
      // What it was granted meanwhile, if the store had known it before.
      await this.#access?.ask((shared) => shared.extend(held, held.outputTokens, true), IN_BACKGROUND);
    });
  }
}

/** @throws LimiterUnavailable when a limit would rather refuse than guess */
function refuseClosed(closed: Limit | undefined): void {
  if (closed === undefined) return;
  throw new LimiterUnavailable(`the policy "${closed.policyName}" refuses while limits cannot be shared`);
}

/** The greater of each. */
function atLeast(base: TokenAmounts, actual: TokenAmounts): TokenAmounts {
  return {
    inputTokens: Math.max(base.inputTokens, actual.inputTokens),
    outputTokens: Math.max(base.outputTokens, actual.outputTokens),
    price: actual.price,
  };
}

/** Alone a gateway has only its share, so what exceeds it may pass once limits are shared again. */
function mayPassLater({ limit, retryAfterMs }: LimitFailure): LimitFailure {
  return { limit, retryAfterMs: retryAfterMs ?? 1_000 };
}

const FIRST_TURN_MS = 200;

/** Runs `work` about every `ms`, never twice at a time; returns how to stop. */
function repeat(work: () => Promise<void>, ms: number, random: () => number): () => void {
  let isStopped = false;
  // The first turn comes soon: the number of live gateways is wanted before it is needed.
  let timer = setTimeout(turn, Math.min(ms, FIRST_TURN_MS) * random());
  timer.unref();
  async function turn(): Promise<void> {
    await work().catch(() => {});
    if (isStopped) return;
    timer = setTimeout(turn, ms * (0.9 + 0.2 * random()));
    timer.unref();
  }
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
