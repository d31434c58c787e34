import { type Breaker, CLOSED, failed, mayCall, succeeded } from '../domain/breaker.ts';
import { inTime } from '../in-time.ts';
import { type LimiterEvent, LimiterUnavailable, type LimitStore, type Log } from '../services.ts';

/** A store that other gateways use too. */
export interface SharedStore extends LimitStore {
  /** After so many ms one of its commands counts as failed. */
  readonly timeoutMs: number;
  /** How many gateways share it, as of the last renewal; at least 1. */
  liveGateways(): number;
  /** An instant of this gateway's clock on the store's. */
  toStoreMs(atMs: number): number;
}

/** What came of a question to the shared store. */
export type Asked<T> =
  | { readonly kind: 'answered'; readonly answer: T }
  /** `wasAsked`: it may have acted all the same. */
  | { readonly kind: 'unanswered'; readonly wasAsked: boolean };

export interface SharedAccessOptions {
  readonly store: SharedStore;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly log: Pick<Log, 'warn' | 'info'>;
  readonly onEvent: (event: LimiterEvent) => void;
  /** Called when the store answers again after it was given up. */
  readonly onBack: () => void;
}

/** How a question is put. */
export interface Manner {
  /** Ask even while calls are ramped up again, because there is no other way. */
  readonly isNeeded: boolean;
  /** A client waits for the answer, so the whole question has a bound; else only each of its commands has one. */
  readonly isUrgent: boolean;
}

/** Questions to the shared store, bounded in time and all behind one circuit breaker. */
export interface SharedAccess {
  ask<T>(question: (store: SharedStore) => Promise<T>, manner: Manner): Promise<Asked<T>>;
  /** A question of an operator, which says nothing about the store's health; undefined when it is not answered. */
  look<T>(question: (store: SharedStore) => Promise<T>): Promise<T | undefined>;
  isDown(): boolean;
  liveGateways(): number;
  toStoreMs(atMs: number): number;
}

export function sharedAccess({ store, nowMs, random, log, onEvent, onBack }: SharedAccessOptions): SharedAccess {
  // Longest time that a client waits, over all round trips of one question.
  const patienceMs = 2 * store.timeoutMs;
  let breaker: Breaker = CLOSED;

  function noteSuccess(startedMs: number): void {
    const wasOpen = breaker.state === 'open';
    breaker = succeeded(breaker, nowMs());
    onEvent({ kind: 'asked', seconds: (nowMs() - startedMs) / 1000 });
    if (!wasOpen) return;
    log.info({ event: 'limits-shared' }, 'limits are shared again');
    onEvent({ kind: 'up' });
    onBack();
  }

  function noteFailure(error: unknown): void {
    const wasOpen = breaker.state === 'open';
    breaker = failed(breaker, nowMs(), random());
    onEvent({ kind: 'failed' });
    if (wasOpen || breaker.state !== 'open') return;
    const fields = { event: 'limits-alone', error: String(error) };
    log.warn(fields, 'shared limits cannot be reached; each policy goes on by its onLimiterDown');
    onEvent({ kind: 'down' });
  }

  return {
    isDown: () => breaker.state === 'open',
    liveGateways: () => store.liveGateways(),
    toStoreMs: (atMs) => store.toStoreMs(atMs),
    async look(question) {
      if (breaker.state === 'open') return undefined;
      return question(store).catch(() => undefined);
    },
    async ask(question, { isNeeded, isUrgent }) {
      const { ok, next } = mayCall(breaker, nowMs(), random());
      breaker = next;
      if (!ok && !(isNeeded && breaker.state === 'closed')) return { kind: 'unanswered', wasAsked: false };
      const startedMs = nowMs();
      try {
        const answer = await (isUrgent ? inTime(question(store), patienceMs, tooLate) : question(store));
        noteSuccess(startedMs);
        return { kind: 'answered', answer };
      } catch (error) {
        noteFailure(error);
        return { kind: 'unanswered', wasAsked: true };
      }
    },
  };
}

function tooLate(): LimiterUnavailable {
  return new LimiterUnavailable('no answer in time');
}
