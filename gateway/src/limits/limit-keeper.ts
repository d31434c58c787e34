import type { LimitsReport } from '@ai-gateway/contracts';
import type { TokenAmounts } from '../domain/limits/amounts.ts';
import { degrade } from '../domain/limits/degrade.ts';
import type { Held } from '../domain/limits/held.ts';
import type { Limit } from '../domain/limits/plan.ts';
import { heldOf, type LimitDecision, type LimitFailure, type ReserveRequest } from '../domain/limits/reserve.ts';
import {
  type LimiterEvent,
  LimiterUnavailable,
  type LimitStore,
  type Limits,
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
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly log: Pick<Log, 'warn' | 'info'>;
  readonly onEvent: (event: LimiterEvent) => void;
}

/** A request that runs: what it holds, where, and how far it is. */
interface Running {
  /** As the shared store has it, or will have it. */
  held: Held;
  /** As this gateway's own counters have it; absent when the shared store counts. */
  localHeld: Held | undefined;
  readonly limits: readonly Limit[];
  soFar: () => number;
  /** Output that the shared store has been told of. */
  reportedOutput: number;
}

/** A waiting request that is not heard of for so long has lost its place. */
const TICKET_MS = 5_000;

/** A client waits, and there is no other way. */
const URGENTLY: Manner = { isNeeded: true, isUrgent: true };
/** Nobody waits, but it must be done. */
const IN_BACKGROUND: Manner = { isNeeded: true, isUrgent: false };
/** It will be done by somebody, or by time. */
const SPARINGLY: Manner = { isNeeded: false, isUrgent: false };

const NOTHING: TokenAmounts = { inputTokens: 0, outputTokens: 0 };

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
      repeat(() => this.#reap(), Math.min(500, leaseMs / 3), random),
    ];
  }

  take(limits: readonly Limit[], request: TakeRequest, patience: Patience): Promise<LimitDecision> {
    const { local, leaseMs } = this.#options;
    const terms = patience.maxWaitMs > 0 ? request.queue : undefined;
    const asking = { ...request, leaseMs, queue: terms && { ...terms, ticketMs: TICKET_MS } };
    const leave = async () => {
      if (this.#access === undefined) await local.leave(limits, request.reservationId);
      else await this.#access.ask((shared) => shared.leave(limits, request.reservationId), SPARINGLY);
    };
    return this.#room.take(() => this.#attempt(limits, asking), leave, patience);
  }

  async settle(reservationId: string, actual: TokenAmounts, voidedKeys: readonly string[] = []): Promise<void> {
    const one = this.#running.get(reservationId);
    if (one === undefined) return;
    this.#running.delete(reservationId);
    const { held, localHeld } = one;
    if (localHeld !== undefined) await this.#options.local.settle(localHeld, actual, voidedKeys);
    if (this.#access !== undefined) {
      const isNew = localHeld !== undefined;
      const asked = isNew
        ? undefined
        : await this.#access.ask((shared) => shared.settle(held, actual, voidedKeys), IN_BACKGROUND);
      if (asked?.kind !== 'answered') this.#missed.settlement({ held, actual, voidedKeys, isNew });
    }
    this.#room.wake();
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
    if (this.#access === undefined) return read(this.#options.local, 'process');
    const seen = await this.#access.look((shared) => read(shared, 'shared'));
    return seen ?? read(this.#options.local, 'degraded');
  }

  dataLost(): Promise<void> {
    return this.#inTurn(() => this.#adopt(() => true));
  }

  isDown(): boolean {
    return this.#access?.isDown() ?? false;
  }

  close(): void {
    for (const stop of this.#timers) stop();
  }

  async #attempt(limits: readonly Limit[], request: ReserveRequest): Promise<LimitDecision> {
    if (this.#access === undefined) {
      const decision = await this.#options.local.reserve(limits, request);
      if (decision.kind === 'admitted') this.#keep(limits, decision.held, decision.held);
      return decision;
    }
    const isNeeded = limits.some(({ onLimiterDown, isObserved }) => onLimiterDown === 'closed' && !isObserved);
    const asked = await this.#access.ask((shared) => shared.reserve(limits, request), { isNeeded, isUrgent: true });
    if (asked.kind === 'answered') {
      if (asked.answer.kind === 'admitted') this.#keep(limits, asked.answer.held, undefined);
      return asked.answer;
    }
    if (asked.wasAsked) this.#missed.doubt(request.reservationId);
    return this.#reserveAlone(limits, request, this.#access.liveGateways());
  }

  /** @throws LimiterUnavailable when a limit would rather refuse than guess */
  async #reserveAlone(limits: readonly Limit[], request: ReserveRequest, gateways: number): Promise<LimitDecision> {
    const { local, onEvent } = this.#options;
    const plan = degrade(limits, gateways);
    const closed = plan.closed[0];
    if (closed !== undefined) {
      onEvent({ kind: 'degraded', mode: 'closed' });
      throw new LimiterUnavailable(`the policy "${closed.policyName}" refuses while limits cannot be shared`);
    }
    onEvent({ kind: 'degraded', mode: plan.local.length > 0 ? 'local' : 'open' });
    const decision = await local.reserve(plan.local, { ...request, queue: undefined });
    if (decision.kind === 'refused') return { ...decision, failures: decision.failures.map(mayPassLater) };
    // What the shared store will be told: all limits, with their own bounds.
    this.#keep(limits, heldOf(request, limits, decision.held.admittedMs), decision.held);
    return decision;
  }

  #keep(limits: readonly Limit[], held: Held, localHeld: Held | undefined): void {
    this.#running.set(held.reservationId, { held, localHeld, limits, soFar: () => 0, reportedOutput: 0 });
  }

  #isShared(reservationId: string): boolean {
    const one = this.#running.get(reservationId);
    return one !== undefined && one.localHeld === undefined;
  }

  /** Raises what a running request holds. While nobody answers, limits that refuse blindly refuse. */
  async #raise(one: Running, outputTokens: number, isForced: boolean): Promise<boolean> {
    const { held, localHeld } = one;
    if (localHeld !== undefined) {
      if ((await this.#options.local.extend(localHeld, outputTokens, isForced)) === 'denied') return false;
      one.localHeld = { ...localHeld, outputTokens };
    } else {
      const asked = await this.#access?.ask((shared) => shared.extend(held, outputTokens, isForced), URGENTLY);
      if (asked?.kind === 'answered' && asked.answer === 'denied') return false;
      if (asked?.kind !== 'answered' && (isForced || one.limits.some(refusesBlindly))) return false;
    }
    one.held = { ...held, outputTokens };
    return true;
  }

  /** Prolongs the leases of what runs, says how far it is, and raises reservations that the tokens have outgrown. */
  async #renew(): Promise<void> {
    const all = [...this.#running.values()];
    for (const one of all) if (one.soFar() > one.held.outputTokens) await this.#raise(one, one.soFar(), true);
    const alone = all.flatMap(({ localHeld, soFar }) =>
      localHeld === undefined ? [] : [{ held: localHeld, outputSoFar: soFar() }],
    );
    await this.#options.local.renew(alone, this.#options.leaseMs);
    if (this.#access === undefined) return;
    await this.#renewShared(
      this.#access,
      all.filter(({ localHeld }) => localHeld === undefined),
    );
    if (!this.#access.isDown() && (this.#missed.count() > 0 || alone.length > 0)) await this.#catchUp();
  }

  async #renewShared(access: SharedAccess, reported: readonly Running[]): Promise<void> {
    const progress = reported.map(({ held, soFar }) => ({ held, outputSoFar: soFar() }));
    const asked = await access.ask((shared) => shared.renew(progress, this.#options.leaseMs), IN_BACKGROUND);
    if (asked.kind !== 'answered') return;
    const { late, gone } = asked.answer;
    if (late.length > 0) {
      this.#options.log.warn({ reservationIds: late }, 'leases had run out and are counted again');
    }
    await this.#readopt(reported.filter(({ held }) => gone.includes(held.reservationId)));
    for (const [index, one] of reported.entries()) one.reportedOutput = progress[index]?.outputSoFar ?? 0;
  }

  /** Requests that were settled for dead by what they had reported, but run: they are counted again from there. */
  async #readopt(gone: readonly Running[]): Promise<void> {
    const { log, leaseMs } = this.#options;
    const back = gone.filter(({ held }) => this.#running.has(held.reservationId));
    if (back.length === 0) return;
    log.warn({ requests: back.length }, 'running requests had been taken for dead and are counted again');
    const adoptions = back.map(({ held, reportedOutput }) => ({
      held,
      counted: { inputTokens: held.inputTokens, outputTokens: reportedOutput },
    }));
    await this.#access?.ask((shared) => shared.adopt(adoptions, leaseMs), IN_BACKGROUND);
  }

  /** Settles what vanished gateways have left behind. */
  async #reap(): Promise<void> {
    await this.#options.local.reap();
    const asked = await this.#access?.ask((shared) => shared.reap(), SPARINGLY);
    if (asked?.kind !== 'answered' || asked.answer === 0) return;
    this.#options.log.warn({ reservations: asked.answer }, 'reservations of vanished gateways were settled');
  }

  /** Tells the shared store what happened while it was away: what it may have taken in vain, what has ended, what runs. */
  #catchUp(): Promise<void> {
    const { shared, leaseMs } = this.#options;
    return this.#inTurn(async () => {
      if (shared === undefined) return;
      await this.#missed.tell(shared, leaseMs);
      await this.#adopt(({ localHeld }) => localHeld !== undefined);
    });
  }

  /** One after the other: a doubt must not be cancelled while the same request is being entered. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).catch(() => {});
    return this.#turn;
  }

  async #adopt(isMeant: (one: Running) => boolean): Promise<void> {
    const { local, leaseMs } = this.#options;
    await inChunks([...this.#running.values()].filter(isMeant), async (one) => {
      const adoption = { held: one.held, counted: undefined };
      const asked = await this.#access?.ask((shared) => shared.adopt([adoption], leaseMs), IN_BACKGROUND);
      const { localHeld } = one;
      if (asked?.kind !== 'answered' || localHeld === undefined) return;
      one.localHeld = undefined;
      // One that has ended meanwhile is settled by the note that its end has left.
      await local.settle(localHeld, NOTHING);
    });
  }
}

/** Alone a gateway has only its share, so what exceeds it may pass once limits are shared again. */
function mayPassLater({ limit, retryAfterMs }: LimitFailure): LimitFailure {
  return { limit, retryAfterMs: retryAfterMs ?? 1_000 };
}

function refusesBlindly({ kind, onLimiterDown, isObserved }: Limit): boolean {
  return kind === 'window' && onLimiterDown === 'closed' && !isObserved;
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
