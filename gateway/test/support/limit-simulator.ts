import { isDeepStrictEqual } from 'node:util';
import {
  adopt,
  type Counts,
  type Extension,
  emptyLimitState,
  expiredReservations,
  extend,
  type Held,
  type Limit,
  type LimitDecision,
  type LimitState,
  leaveQueue,
  type Progress,
  queuedKeys,
  type RateBound,
  type Renewal,
  type ReserveRequest,
  renew,
  reserve,
  type SettleTerms,
  type SlotBound,
  settle,
  sweep,
  TICKET_MS,
  type TokenAmounts,
  useOf,
  type WindowBound,
} from '@ai-gateway/limits';
import { limitsOf, request } from '../../../limits/test/support/limits.ts';
import { seededRandom } from './seeded-random.ts';

/** The functions under test; a test plants a bug by passing others. */
export interface LimitLogic {
  readonly reserve: typeof reserve;
  readonly settle: typeof settle;
  readonly extend: typeof extend;
  readonly renew: typeof renew;
  readonly adopt: typeof adopt;
  readonly expiredReservations: typeof expiredReservations;
}

export const LIMIT_LOGIC: LimitLogic = { reserve, settle, extend, renew, adopt, expiredReservations };

/**
 * Where the protocol is weaker than docs promise. A gap that is tolerated widens one bound below by exactly what it
 * costs; whoever closes it takes it out of `KNOWN_GAPS`, and the simulator holds the logic to the strict bound.
 */
export type KnownGap =
  /** After a step back of the clock tokens lie in another bucket than that of their admission; they are not refunded. */
  'folded bucket';

export const KNOWN_GAPS: readonly KnownGap[] = ['folded bucket'];

export interface SimulationOptions {
  readonly logic?: LimitLogic;
  readonly tolerated?: readonly KnownGap[];
  /** Virtual time with faults; drawn from the seed unless given. */
  readonly turmoilMs?: number;
  /** Receives every event. */
  readonly onEvent?: ((line: string) => void) | undefined;
}

/** What happened in a run; a test that asserts on it cannot pass by doing nothing. */
export type Tally = Record<(typeof TALLIED)[number], number>;

const TALLIED = [
  ...(['steps', 'admitted', 'refused', 'waited', 'doubted', 'settled', 'reaped', 'adopted', 'readopted'] as const),
  ...(['granted', 'denied', 'forced', 'late', 'lost', 'crash', 'stall', 'jump', 'wipe'] as const),
] as const;

/** A lease here; short, so that many run out. */
const LEASE_MS = 3_000;
const REAPING_MS = 500;
/** As in `limits/shared-access.ts` and `adapters/redis`: how long an answer is awaited, and how late a question may act. */
const PATIENCE_MS = 140;
const COMMAND_TIMEOUT_MS = 100;
const BLIND_MS = 1_000;
/** All clients have left by then, once faults have stopped. */
const LEAVING_MS = 1_500;
const RECOVERY_MS = LEASE_MS + 5_000;
const START_US = 1_700_000_000_000_000;
/** How often a check that costs a copy of the state is made. */
const SAMPLE_RATE = 0.1;
const SHOWN_EVENTS = 30;

const NOTHING: TokenAmounts = { inputTokens: 0, outputTokens: 0 };
const UNCOUNTED: Counted = { requests: 0, ...NOTHING };

type Fault = 'crash' | 'stall' | 'jump' | 'wipe';

/** What a seed stands for. */
interface Setting {
  readonly limits: readonly Limit[];
  readonly gateways: number;
  readonly lossRate: number;
  readonly lateRate: number;
  readonly faults: readonly Fault[];
  readonly turmoilMs: number;
  /** Requests are cut, rather than go on, when the store does not answer whether they may grow. */
  readonly refusesBlindly: boolean;
}

interface Scheduled {
  readonly atUs: number;
  /** Decides between events of one instant. */
  readonly order: number;
  readonly act: () => void;
}

/** One instance of a gateway; another takes over its place when it crashes. */
interface Gateway {
  readonly name: string;
  readonly running: Map<string, Run>;
  epoch: number | undefined;
  /** The store's clock minus ours, as of its last answer. */
  skewMs: number | undefined;
  hasCrashed: boolean;
  stalledUntilUs: number;
  /** Its connection delivers in order. */
  deliveredUs: number;
}

/** A request that runs, as its gateway knows it; see `Running` in `limits/limit-keeper.ts`. */
interface Run {
  held: Held;
  soFar: number;
  reportedOutput: number;
  /** It grew without an answer, and the store is still to be told. */
  isAlone: boolean;
  blindUntilUs: number;
}

interface Counted {
  requests: number;
  inputTokens: number;
  outputTokens: number;
}

/** A request that the store has admitted, as an onlooker sees it who knows all that gateways and store do. */
interface Entry {
  readonly id: string;
  /** By `steadyMs`. */
  readonly admittedMs: number;
  /** Keys of the windows that it was taken from. */
  readonly windows: ReadonlySet<string>;
  /** What the store must count at least. */
  counted: Counted;
  /** The same for windows that got everything back. */
  voided: { readonly keys: readonly string[]; readonly counted: Counted } | undefined;
  /** What it truly took. */
  due: Counted;
  /** As the store was told, and heard. */
  held: Held;
  acceptedOutput: number;
  grantedOutput: number;
  isKnown: boolean;
  /** The data was wiped since, and what it had was not entered again in full. */
  isLost: boolean;
  /** The clock stepped back since its admission. */
  isBlurred: boolean;
  /** It was settled for dead but ran. */
  wasTakenForDead: boolean;
  /** Its lease began then, by `steadyMs`; -Infinity when it has none. */
  coveredMs: number;
  wasUncovered: boolean;
  runsAt: Gateway | undefined;
}

/** A refund that may have taken from others, where that is tolerated. */
interface Misdirected {
  readonly admittedMs: number;
  readonly windows: ReadonlySet<string>;
  readonly counted: Counted;
}

/** The onlooker's own books; nothing in them is read from the store. */
interface Books {
  readonly entries: Map<string, Entry>;
  /** In order of time. */
  counts: (Entry | Misdirected)[];
  wipedMs: number[];
  /** Reasons for a lease that ran out, in virtual time: when a gateway last stalled, when the store was last harmed. */
  readonly stalledUs: Map<Gateway, number>;
  harmedUs: number;
  usesGap: boolean;
  rate: { requests: number; lowestUs: number; creditUs: number };
}

interface World {
  readonly random: () => number;
  readonly logic: LimitLogic;
  readonly tolerated: ReadonlySet<KnownGap>;
  readonly onEvent: ((line: string) => void) | undefined;
  readonly setting: Setting;
  readonly heap: Scheduled[];
  readonly gateways: Gateway[];
  readonly tally: Tally;
  readonly books: Books;
  nowUs: number;
  scheduled: number;
  requests: number;
  state: LimitState;
  epoch: number;
  /** The store's clock minus virtual time. */
  skewMs: number;
  /** All steps forward of the store's clock. */
  forwardMs: number;
  isCalm: boolean;
}

/**
 * Runs gateways and their shared store through what the seed decides, checking every promise after each step.
 * @throws Error that names the seed, the broken promise and the last events
 */
export function simulate(seed: number, options: SimulationOptions = {}): Tally {
  const world = worldOf(seed, options);
  try {
    begin(world);
    runUntil(world, START_US + world.setting.turmoilMs * 1000);
    becomeCalm(world);
    return world.tally;
  } catch (error) {
    if (options.onEvent !== undefined) throw error;
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${lastEvents(seed, options).join('\n')}`);
  }
}

/** The same seed once more, with its events. */
function lastEvents(seed: number, options: SimulationOptions): readonly string[] {
  const lines: string[] = [];
  try {
    simulate(seed, {
      ...options,
      onEvent(line) {
        lines.push(line);
        if (lines.length > 2 * SHOWN_EVENTS) lines.splice(0, SHOWN_EVENTS);
      },
    });
  } catch {
    // It is the failure that is shown.
  }
  return lines.slice(-SHOWN_EVENTS);
}

function worldOf(seed: number, options: SimulationOptions): World {
  const { logic = LIMIT_LOGIC, tolerated = KNOWN_GAPS, turmoilMs, onEvent } = options;
  const random = seededRandom(seed);
  const setting = settingOf(random);
  return {
    random,
    logic,
    tolerated: new Set(tolerated),
    onEvent,
    setting: turmoilMs === undefined ? setting : { ...setting, turmoilMs },
    heap: [],
    gateways: [],
    tally: Object.fromEntries(TALLIED.map((name) => [name, 0])) as Tally,
    books: {
      entries: new Map(),
      counts: [],
      wipedMs: [],
      harmedUs: -Infinity,
      stalledUs: new Map(),
      usesGap: false,
      rate: { requests: 0, lowestUs: Number.MAX_SAFE_INTEGER, creditUs: 0 },
    },
    nowUs: START_US,
    scheduled: 0,
    requests: 0,
    state: emptyLimitState(),
    epoch: 1,
    skewMs: 0,
    forwardMs: 0,
    isCalm: false,
  };
}

function settingOf(random: () => number): Setting {
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const isQueued = random() < 0.4;
  const refusesBlindly = random() < 0.5;
  const fields = { onLimiterDown: refusesBlindly ? 'closed' : 'open' };
  const enforced = limitsOf(
    [
      { kind: 'concurrency-limit', maxConcurrent: between(3, 6) },
      { kind: 'qps-limit', maxQps: between(6, 25), burst: between(2, 8) },
      {
        kind: 'token-limit',
        windows: [
          { windowSeconds: 2, maxTokens: between(120, 400) },
          { windowSeconds: between(8, 16), maxTokens: between(300, 1_200) },
          { windowSeconds: 4, maxTokens: between(150, 500), counts: 'output' },
        ],
      },
      { kind: 'request-limit', windows: [{ windowSeconds: 3, maxRequests: between(8, 25) }] },
    ],
    fields,
    isQueued,
  );
  const observed = limitsOf(
    [{ kind: 'token-limit', windows: [{ windowSeconds: 5, maxTokens: between(100, 400) }] }],
    { ...fields, id: 'observed', mode: 'observe' },
    isQueued,
  );
  return {
    limits: [...enforced.filter(({ kind }) => kind === 'concurrency' || random() < 0.6), ...observed],
    gateways: between(2, 4),
    lossRate: random() < 0.5 ? 0 : random() * 0.1,
    lateRate: random() < 0.5 ? 0 : random() * 0.05,
    faults: (['crash', 'stall', 'jump', 'wipe'] as const).filter(() => random() < 0.5),
    turmoilMs: between(4_000, 10_000),
    refusesBlindly,
  };
}

function begin(world: World): void {
  for (let place = 0; place < world.setting.gateways; place++) startGateway(world, place);
  later(world, 0, () => arrive(world));
  if (world.setting.faults.length > 0) later(world, between(world, 200, 2_000), () => doHarm(world));
}

// Virtual time

function runUntil(world: World, untilUs: number): void {
  for (let next = world.heap[0]; next !== undefined && next.atUs <= untilUs; next = world.heap[0]) {
    popFirst(world.heap);
    world.nowUs = Math.max(world.nowUs, next.atUs);
    world.tally.steps++;
    next.act();
  }
  world.nowUs = untilUs;
}

function later(world: World, delayMs: number, act: () => void): void {
  at(world, world.nowUs + Math.floor(delayMs * 1000), act);
}

function at(world: World, atUs: number, act: () => void): void {
  const { heap } = world;
  const added: Scheduled = { atUs, order: world.scheduled++, act };
  let index = heap.length;
  heap.push(added);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent] as Scheduled;
    if (isBefore(above, added)) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = added;
}

function popFirst(heap: Scheduled[]): void {
  const last = heap.pop() as Scheduled;
  if (heap.length === 0) return;
  let index = 0;
  for (let child = 1; child < heap.length; child = 2 * index + 1) {
    const right = heap[child + 1];
    if (right !== undefined && isBefore(right, heap[child] as Scheduled)) child++;
    if (isBefore(last, heap[child] as Scheduled)) break;
    heap[index] = heap[child] as Scheduled;
    index = child;
  }
  heap[index] = last;
}

function isBefore(left: Scheduled, right: Scheduled): boolean {
  return left.atUs < right.atUs || (left.atUs === right.atUs && left.order < right.order);
}

function between(world: World, low: number, high: number): number {
  return low + Math.floor(world.random() * (high - low + 1));
}

/** What a gateway does at its time: later if it stalls then, never if it has crashed. */
function laterAt(world: World, gateway: Gateway, delayMs: number, act: () => void): void {
  later(world, delayMs, function attend(): void {
    if (gateway.hasCrashed) return;
    if (gateway.stalledUntilUs > world.nowUs) at(world, gateway.stalledUntilUs, attend);
    else act();
  });
}

function note(world: World, who: string, what: string): void {
  if (world.onEvent === undefined) return;
  const ms = ((world.nowUs - START_US) / 1000).toFixed(3).padStart(10);
  world.onEvent(`${ms} ms  ${who.padEnd(6)} ${what}`);
}

function storeUs(world: World): number {
  return world.nowUs + world.skewMs * 1000;
}

function storeMs(world: World): number {
  return Math.floor(storeUs(world) / 1000);
}

/** The store's time without its steps back: what is younger by it than a window is so by any clock. */
function steadyMs(world: World): number {
  return Math.floor(world.nowUs / 1000) + world.forwardMs;
}

// Faults

function doHarm(world: World): void {
  if (world.isCalm) return;
  const fault = world.setting.faults[between(world, 0, world.setting.faults.length - 1)] as Fault;
  world.tally[fault]++;
  const place = between(world, 0, world.gateways.length - 1);
  const gateway = world.gateways[place] as Gateway;
  if (fault === 'crash') crash(world, gateway, place);
  if (fault === 'stall') stall(world, gateway);
  if (fault === 'jump') jump(world);
  if (fault === 'wipe') wipe(world);
  later(world, between(world, 100, 2_500), () => doHarm(world));
}

function crash(world: World, gateway: Gateway, place: number): void {
  note(world, gateway.name, `crashes with ${[...gateway.running.keys()]}`);
  gateway.hasCrashed = true;
  for (const id of gateway.running.keys()) entryOf(world, id).runsAt = undefined;
  startGateway(world, place);
}

function stall(world: World, gateway: Gateway): void {
  const ms = between(world, 50, world.random() < 0.5 ? LEASE_MS : 2 * LEASE_MS);
  note(world, gateway.name, `stalls for ${ms} ms`);
  gateway.stalledUntilUs = Math.max(gateway.stalledUntilUs, world.nowUs + ms * 1000);
  excuse(world, gateway, gateway.stalledUntilUs);
}

function jump(world: World): void {
  const size = between(world, 1, world.random() < 0.5 ? 300 : 10_000);
  const ms = world.random() < 0.5 ? size : -size;
  note(world, 'store', `clock jumps by ${ms} ms`);
  world.skewMs += ms;
  const { books } = world;
  if (ms < 0) {
    for (const entry of books.entries.values()) entry.isBlurred = true;
    return;
  }
  world.forwardMs += ms;
  books.harmedUs = world.nowUs;
  const rate = rateIn(world);
  if (rate !== undefined) books.rate.creditUs += Math.min(ms * 1000, rate.emissionUs * rate.burst);
}

function wipe(world: World): void {
  world.epoch++;
  note(world, 'store', `loses everything; epoch ${world.epoch}`);
  world.state = emptyLimitState();
  const { books } = world;
  books.wipedMs.push(steadyMs(world));
  books.harmedUs = world.nowUs;
  books.counts = books.counts.filter((count) => 'id' in count);
  for (const entry of books.entries.values()) {
    entry.isKnown = false;
    entry.isLost = true;
    entry.counted = UNCOUNTED;
    if (entry.voided !== undefined) entry.voided = { ...entry.voided, counted: UNCOUNTED };
    entry.coveredMs = -Infinity;
  }
  const rate = rateIn(world);
  if (rate !== undefined) books.rate.creditUs += rate.emissionUs * rate.burst;
}

// Network

interface Question<Answer> {
  readonly name: string;
  readonly about: string;
  /** What the store does with it. */
  readonly act: () => Answer;
  readonly onAnswer?: (answer: Answer) => void;
  readonly onSilence?: () => void;
}

/** Asks the store. Question and answer may be lost or late, each for itself; too late is no answer. */
function ask<Answer>(world: World, gateway: Gateway, question: Question<Answer>): void {
  const { name, about, act, onAnswer, onSilence } = question;
  let isOver = false;
  if (!isLost(world)) {
    at(world, deliveryUs(world, gateway), () => {
      const answer = act();
      note(world, 'store', `${name} ${about} of ${gateway.name}: ${told(world, answer)}`);
      checkStore(world);
      if (isLost(world)) return;
      laterAt(world, gateway, delayMs(world), () => {
        if (isOver) return;
        isOver = true;
        onAnswer?.(answer);
      });
    });
  }
  laterAt(world, gateway, PATIENCE_MS, () => {
    if (isOver) return;
    isOver = true;
    note(world, gateway.name, `gets no answer to ${name} ${about}`);
    onSilence?.();
  });
}

/** Asks until there is an answer, as long as it is wanted. */
function insist<Answer>(
  world: World,
  gateway: Gateway,
  question: Question<Answer>,
  isWanted: () => boolean = () => true,
): void {
  ask(world, gateway, {
    ...question,
    onSilence() {
      laterAt(world, gateway, between(world, 20, LEASE_MS / 10), () => {
        if (isWanted()) insist(world, gateway, question, isWanted);
      });
    },
  });
}

function isLost(world: World): boolean {
  if (world.isCalm || world.random() >= world.setting.lossRate) return false;
  world.tally.lost++;
  return true;
}

/** In order on one connection, but for what was written to a connection that was given up. */
function deliveryUs(world: World, gateway: Gateway): number {
  const isHeldUp = gateway.deliveredUs > world.nowUs + PATIENCE_MS * 1000;
  const atUs = world.nowUs + Math.floor((isHeldUp ? 1 : delayMs(world)) * 1000);
  if (atUs > world.nowUs + PATIENCE_MS * 1000) {
    excuse(world, gateway, atUs);
    if (world.random() < 0.5) return atUs;
  }
  gateway.deliveredUs = Math.max(gateway.deliveredUs, atUs);
  return gateway.deliveredUs;
}

/** Until then a gateway has a reason to be late. */
function excuse(world: World, gateway: Gateway, untilUs: number): void {
  const { stalledUs } = world.books;
  stalledUs.set(gateway, Math.max(stalledUs.get(gateway) ?? -Infinity, untilUs));
}

function delayMs(world: World): number {
  if (!world.isCalm && world.random() < world.setting.lateRate) {
    world.tally.late++;
    return 50 + world.random() * 1_950;
  }
  return 0.2 + world.random() * 20;
}

function told(world: World, answer: unknown): string {
  return world.onEvent === undefined ? '' : (JSON.stringify(answer) ?? 'done').slice(0, 300);
}

// Gateways; the protocol of limits/limit-keeper.ts

function startGateway(world: World, place: number): void {
  const gateway: Gateway = {
    name: `g${place}.${world.scheduled}`,
    running: new Map(),
    epoch: undefined,
    skewMs: undefined,
    hasCrashed: false,
    stalledUntilUs: 0,
    deliveredUs: 0,
  };
  world.gateways[place] = gateway;
  laterAt(world, gateway, world.random() * (LEASE_MS / 10), () => renewAll(world, gateway));
  laterAt(world, gateway, world.random() * REAPING_MS, () => reap(world, gateway));
}

/** Requests come one by one or together. */
function arrive(world: World): void {
  if (world.isCalm) return;
  const count = world.random() < 0.2 ? between(world, 2, 5) : 1;
  for (let index = 0; index < count; index++) {
    const gateway = world.gateways[between(world, 0, world.gateways.length - 1)] as Gateway;
    const id = `r${world.requests++}`;
    const isPatient = world.random() < 0.6;
    const asked = request(id, {
      inputTokens: between(world, 0, 20),
      outputTokens: between(world, 1, 40),
      about: { requestId: id, gatewayId: gateway.name, namespaceId: world.random() < 0.5 ? 'a' : 'b' },
      leaseMs: LEASE_MS,
      queue: isPatient ? { weight: between(world, 1, 3), maxWaiting: 5 } : undefined,
    });
    const deadlineUs = world.nowUs + between(world, 100, 3_000) * 1000;
    laterAt(world, gateway, 0, () => take(world, gateway, { asked, deadlineUs, triesLeft: 1 }));
  }
  later(world, between(world, 0, 300), () => arrive(world));
}

interface Taking {
  readonly asked: ReserveRequest;
  readonly deadlineUs: number;
  /** Times that what an answer taught makes another try good. */
  readonly triesLeft: number;
}

type Reply = { readonly nowMs: number } & (
  | { readonly kind: 'decided'; readonly decision: LimitDecision }
  | { readonly kind: 'tooLate' }
  | { readonly kind: 'otherEpoch'; readonly epoch: number }
);

function take(world: World, gateway: Gateway, taking: Taking): void {
  const { asked } = taking;
  const { reservationId } = asked;
  const { epoch, skewMs } = gateway;
  const notAfterMs = skewMs === undefined ? Infinity : Math.floor(world.nowUs / 1000 + skewMs + COMMAND_TIMEOUT_MS);
  ask<Reply>(world, gateway, {
    name: 'reserve',
    about: reservationId,
    act() {
      const nowMs = storeMs(world);
      if (epoch !== world.epoch) return { kind: 'otherEpoch', nowMs, epoch: world.epoch };
      if (nowMs > notAfterMs) return { kind: 'tooLate', nowMs };
      return { kind: 'decided', nowMs, decision: reserveIn(world, asked) };
    },
    onAnswer: (reply) => onReply(world, gateway, { taking, reply }),
    onSilence() {
      world.tally.doubted++;
      insist(world, gateway, { name: 'cancel', about: reservationId, act: () => cancelIn(world, reservationId) });
    },
  });
}

function onReply(world: World, gateway: Gateway, { taking, reply }: { taking: Taking; reply: Reply }): void {
  const { asked, deadlineUs, triesLeft } = taking;
  gateway.skewMs = reply.nowMs - world.nowUs / 1000;
  if (reply.kind === 'otherEpoch') learnEpoch(world, gateway, reply.epoch);
  if (reply.kind !== 'decided') {
    if (triesLeft > 0) take(world, gateway, { ...taking, triesLeft: triesLeft - 1 });
    return;
  }
  const { decision } = reply;
  if (decision.kind === 'admitted') serve(world, gateway, decision.held);
  if (decision.kind === 'admitted' || !decision.isWaiting) return;
  world.tally.waited++;
  const leftMs = (deadlineUs - world.nowUs) / 1000;
  if (leftMs <= 0 || world.isCalm) {
    ask(world, gateway, { name: 'leave', about: asked.reservationId, act: () => leaveIn(world, asked.reservationId) });
    return;
  }
  const pollMs = Math.max(...decision.failures.map(({ retryAfterMs }) => retryAfterMs ?? 0));
  const sleepMs = Math.min(leftMs, 1_000, Math.max(5, pollMs));
  laterAt(world, gateway, sleepMs, () => take(world, gateway, { ...taking, triesLeft: 1 }));
}

function serve(world: World, gateway: Gateway, held: Held): void {
  const run: Run = { held, soFar: 0, reportedOutput: 0, isAlone: false, blindUntilUs: 0 };
  gateway.running.set(held.reservationId, run);
  entryOf(world, held.reservationId).runsAt = gateway;
  checkSlots(world);
  const lifeMs = world.random() < 0.5 ? between(world, 20, 600) : between(world, 20, 2 * LEASE_MS);
  laterAt(world, gateway, world.isCalm ? Math.min(200, lifeMs) : lifeMs, () => finish(world, gateway, run));
  laterAt(world, gateway, between(world, 10, 500), () => grow(world, gateway, run));
}

function isRunning(gateway: Gateway, { held }: Run): boolean {
  return gateway.running.has(held.reservationId);
}

/** Some tokens come; the reservation is raised in time, or (a wrong estimate) only with the next renewal. */
function grow(world: World, gateway: Gateway, run: Run): void {
  if (!isRunning(gateway, run) || world.isCalm) return;
  const again = () => laterAt(world, gateway, between(world, 50, 700), () => grow(world, gateway, run));
  run.soFar += between(world, 0, 15);
  const isEstimate = world.random() < 0.1;
  if (run.soFar < run.held.outputTokens || isEstimate) {
    again();
    return;
  }
  run.soFar = run.held.outputTokens;
  raise(world, gateway, run, {
    outputTokens: run.held.outputTokens + between(world, 1, 25),
    isForced: false,
    onEnd: (isRaised) => (isRaised ? again() : finish(world, gateway, run)),
  });
}

interface Raising {
  readonly outputTokens: number;
  readonly isForced: boolean;
  readonly onEnd: (isRaised: boolean) => void;
}

function raise(world: World, gateway: Gateway, run: Run, raising: Raising): void {
  const { outputTokens, isForced, onEnd } = raising;
  const { held } = run;
  const end = (isRaised: boolean) => {
    if (isRaised) run.held = { ...run.held, outputTokens: Math.max(run.held.outputTokens, outputTokens) };
    onEnd(isRaised);
  };
  const endAlone = () => {
    if (isForced || world.setting.refusesBlindly) {
      end(false);
      return;
    }
    run.isAlone = true;
    run.blindUntilUs = world.nowUs + BLIND_MS * 1000;
    end(true);
  };
  if (run.isAlone) end(true);
  else if (run.blindUntilUs > world.nowUs) endAlone();
  else {
    ask(world, gateway, {
      name: isForced ? 'force' : 'extend',
      about: `${held.reservationId} from ${held.outputTokens} to ${outputTokens}`,
      act: () => extendIn(world, { held, outputTokens, isForced }),
      onAnswer: (extension) => end(extension !== 'denied'),
      onSilence: endAlone,
    });
  }
}

/** Tells the store of what grew without it: enters it if need be, then raises it to what it has become. */
function catchUp(world: World, gateway: Gateway, run: Run): void {
  // Neither this nor a renewal prolongs its lease meanwhile.
  excuse(world, gateway, world.nowUs);
  const { soFar } = run;
  ask(world, gateway, {
    ...adoption(world, run, undefined),
    onAnswer() {
      run.reportedOutput = soFar;
      if (!run.isAlone || !isRunning(gateway, run)) return;
      run.isAlone = false;
      const { held } = run;
      const { outputTokens } = held;
      const act = () => extendIn(world, { held, outputTokens, isForced: true });
      ask(world, gateway, { name: 'force', about: `${held.reservationId} to ${outputTokens}`, act });
    },
  });
}

/** The request ends; the store is told until it has heard. */
function finish(world: World, gateway: Gateway, run: Run): void {
  const { held } = run;
  const id = held.reservationId;
  if (!gateway.running.delete(id)) return;
  const entry = entryOf(world, id);
  entry.runsAt = undefined;
  const isVoid = world.random() < 0.1;
  // A provider's count may exceed ours.
  const surplus = world.random() < 0.1 ? between(world, 1, 10) : 0;
  const actual = isVoid ? NOTHING : { inputTokens: held.inputTokens, outputTokens: run.soFar + surplus };
  const windows = held.entries.filter(({ kind }) => kind === 'window').map(({ key }) => key);
  const voidedKeys = windows.filter(() => world.random() < 0.05);
  entry.due = { ...actual, requests: 1 };
  note(world, gateway.name, `ends ${id} with ${actual.inputTokens} + ${actual.outputTokens}`);
  const act = () => settleIn(world, held, actual, { voidedKeys });
  const settlement: Question<boolean> = { name: 'settle', about: id, act };
  if (run.isAlone) {
    const onAnswer = () => insist(world, gateway, settlement);
    insist(world, gateway, { ...adoption(world, { held, soFar: actual.outputTokens }, undefined), onAnswer });
    return;
  }
  ask(world, gateway, {
    ...settlement,
    onAnswer(isSettled) {
      if (isSettled) return;
      // Taken for dead and settled by what was last reported: what came after that is still to be counted.
      const counted = { inputTokens: held.inputTokens, outputTokens: run.reportedOutput };
      const over = { held, soFar: actual.outputTokens };
      ask(world, gateway, { ...adoption(world, over, counted), onAnswer: () => ask(world, gateway, settlement) });
    },
    onSilence: () => insist(world, gateway, settlement),
  });
}

function renewAll(world: World, gateway: Gateway): void {
  const again = () =>
    laterAt(world, gateway, (LEASE_MS / 10) * (0.9 + 0.2 * world.random()), () => renewAll(world, gateway));
  const outgrown = [...gateway.running.values()].filter(({ held, soFar }) => soFar > held.outputTokens);
  raiseNext();

  /** One after the other, then the renewal. */
  function raiseNext(): void {
    const run = outgrown.pop();
    if (run !== undefined) {
      const onEnd = raiseNext;
      if (isRunning(gateway, run)) raise(world, gateway, run, { outputTokens: run.soFar, isForced: true, onEnd });
      else raiseNext();
    } else if (gateway.running.size > 0) renewNow(world, gateway, again);
    else again();
  }
}

type RenewalReply = Renewal | { readonly epoch: number };

function renewNow(world: World, gateway: Gateway, onEnd: () => void): void {
  const runs = [...gateway.running.values()].filter(({ isAlone }) => !isAlone);
  for (const run of gateway.running.values()) if (run.isAlone) catchUp(world, gateway, run);
  const progress = runs.map(({ held, soFar }) => ({ held, outputSoFar: soFar }));
  const { epoch } = gateway;
  ask<RenewalReply>(world, gateway, {
    name: 'renew',
    about: `${runs.map(({ held }) => held.reservationId)}`,
    act: () => (epoch === world.epoch ? renewIn(world, progress) : { epoch: world.epoch }),
    onAnswer(renewal) {
      onEnd();
      if ('epoch' in renewal) {
        learnEpoch(world, gateway, renewal.epoch);
        return;
      }
      const gone = runs.filter((run) => renewal.gone.includes(run.held.reservationId) && isRunning(gateway, run));
      for (const run of gone) {
        const counted = { inputTokens: run.held.inputTokens, outputTokens: run.reportedOutput };
        world.tally.readopted++;
        // Not insisted on: if it is lost, the next renewal finds it gone once more.
        const { soFar } = run;
        const onAnswer = () => {
          run.reportedOutput = soFar;
        };
        ask(world, gateway, { ...adoption(world, run, counted), onAnswer });
      }
      for (const [index, run] of runs.entries()) {
        // What was gone has not been told anything.
        if (renewal.gone.includes(run.held.reservationId)) continue;
        run.reportedOutput = progress[index]?.outputSoFar ?? 0;
      }
    },
    onSilence: onEnd,
  });
}

/** Another epoch means that the data was lost: what runs is entered again. */
function learnEpoch(world: World, gateway: Gateway, epoch: number): void {
  const before = gateway.epoch;
  gateway.epoch = epoch;
  if (before === undefined || before === epoch) return;
  for (const run of gateway.running.values()) {
    const isWanted = () => isRunning(gateway, run) && gateway.epoch === epoch;
    const { soFar } = run;
    const onAnswer = () => {
      run.reportedOutput = soFar;
    };
    insist(world, gateway, { ...adoption(world, run, undefined), onAnswer }, isWanted);
  }
}

function adoption(
  world: World,
  { held, soFar }: Pick<Run, 'held' | 'soFar'>,
  counted: TokenAmounts | undefined,
): Question<void> {
  const about = `${held.reservationId}${counted === undefined ? '' : ` beyond ${counted.outputTokens}`}`;
  return { name: 'adopt', about, act: () => adoptIn(world, held, counted, soFar) };
}

function reap(world: World, gateway: Gateway): void {
  ask(world, gateway, {
    name: 'expired',
    about: '',
    act: () => world.logic.expiredReservations(world.state, { leaseMs: LEASE_MS, nowMs: storeMs(world) }),
    onAnswer(expired) {
      for (const { held, outputSoFar } of expired) {
        const actual = { inputTokens: held.inputTokens, outputTokens: outputSoFar };
        ask(world, gateway, { name: 'reap', about: held.reservationId, act: () => reapIn(world, held, actual) });
      }
    },
  });
  laterAt(world, gateway, REAPING_MS * (0.9 + 0.2 * world.random()), () => reap(world, gateway));
}

// The store, and what the onlooker writes down of each step

function entryOf(world: World, id: string): Entry {
  const entry = world.books.entries.get(id);
  if (entry === undefined) throw new Error(`${id} was never admitted`);
  return entry;
}

function tolerates(world: World, gap: KnownGap): boolean {
  if (!world.tolerated.has(gap)) return false;
  world.books.usesGap = true;
  return true;
}

function reserveIn(world: World, asked: ReserveRequest): LimitDecision {
  const { state, logic, setting } = world;
  const id = asked.reservationId;
  const before = world.random() < SAMPLE_RATE ? normalised(world, id) : undefined;
  const decision = logic.reserve(state, setting.limits, asked, storeUs(world));
  if (decision.kind === 'refused') {
    world.tally.refused++;
    if (before !== undefined && before !== normalised(world, id)) {
      throw new Error(`refusing ${id} changed\n${before}\nto\n${normalised(world, id)}`);
    }
    return decision;
  }
  world.tally.admitted++;
  writeAdmission(world, decision.held);
  checkAdmission(world, id);
  if (before !== undefined) checkSecondReserve(world, asked, decision.held);
  return decision;
}

function writeAdmission(world: World, held: Held): void {
  const { reservationId: id, inputTokens, outputTokens } = held;
  const windows = held.entries.filter(({ kind }) => kind === 'window').map(({ key }) => key);
  const entry: Entry = {
    id,
    admittedMs: steadyMs(world),
    windows: new Set(windows),
    counted: { requests: 1, inputTokens, outputTokens },
    voided: undefined,
    due: { requests: 1, inputTokens, outputTokens },
    held,
    acceptedOutput: 0,
    grantedOutput: outputTokens,
    isKnown: true,
    isLost: false,
    isBlurred: false,
    wasTakenForDead: false,
    coveredMs: steadyMs(world),
    wasUncovered: false,
    runsAt: undefined,
  };
  world.books.entries.set(id, entry);
  world.books.counts.push(entry);
}

function checkSecondReserve(world: World, asked: ReserveRequest, held: Held): void {
  const before = normalised(world, undefined);
  const again = world.logic.reserve(world.state, world.setting.limits, asked, storeUs(world));
  if (again.kind !== 'admitted' || !isDeepStrictEqual(again.held, held))
    throw new Error('reserved once, answered twice');
  if (before !== normalised(world, undefined)) throw new Error(`reserving ${asked.reservationId} twice took twice`);
}

interface Growth {
  readonly held: Held;
  readonly outputTokens: number;
  readonly isForced: boolean;
}

function extendIn(world: World, { held, outputTokens, isForced }: Growth): Extension {
  const entry = entryOf(world, held.reservationId);
  const nowMs = storeMs(world);
  const extension = world.logic.extend(world.state, held, outputTokens, { isForced, nowMs });
  if ((extension === 'gone') === entry.isKnown) throw new Error(`${entry.id} is known, or gone: ${extension}`);
  if (isForced) world.tally.forced++;
  else if (extension !== 'gone') world.tally[extension]++;
  if (extension !== 'granted') return extension;
  const difference = outputTokens - entry.held.outputTokens;
  if (difference <= 0) return extension;
  const isUnseen = entry.isBlurred && tolerates(world, 'folded bucket');
  if (!isUnseen) entry.counted = { ...entry.counted, outputTokens: entry.counted.outputTokens + difference };
  entry.held = { ...entry.held, outputTokens };
  if (entry.runsAt !== undefined)
    entry.due = { ...entry.due, outputTokens: Math.max(entry.due.outputTokens, outputTokens) };
  if (isForced || isUnseen) return extension;
  entry.grantedOutput = Math.max(entry.grantedOutput, outputTokens);
  // Where limits only observe, whoever runs may grow; what does not change is not asked.
  checkWindows(world, entry, ({ isObserved, counts }) => !isObserved && (counts === 'total' || counts === 'output'));
  return extension;
}

/** A refund that may have gone to a bucket in which it takes from others. */
function misdirect(world: World, { windows }: Entry, counted: Counted): void {
  world.books.counts.push({ admittedMs: steadyMs(world), windows, counted });
}

function settleIn(world: World, held: Held, actual: TokenAmounts, terms: SettleTerms): boolean {
  const entry = entryOf(world, held.reservationId);
  const isSettled = world.logic.settle(world.state, held, actual, terms);
  const isDue = entry.isKnown && (terms.ifExpiredAtMs === undefined || isSettled);
  if (isSettled !== isDue) throw new Error(`settling ${entry.id}: ${isSettled}, not ${isDue}`);
  if (!isSettled) return false;
  world.tally.settled++;
  for (const leases of world.state.leases.values()) {
    if (leases.has(entry.id)) throw new Error(`${entry.id} is settled and keeps its slot`);
  }
  writeSettlement(world, entry, { actual, voidedKeys: terms.voidedKeys ?? [] });
  if (world.random() < SAMPLE_RATE) {
    const before = normalised(world, undefined);
    if (world.logic.settle(world.state, held, actual, terms)) throw new Error(`${entry.id} was settled twice`);
    if (before !== normalised(world, undefined)) throw new Error(`settling ${entry.id} twice gave back twice`);
  }
  return true;
}

interface Settlement {
  readonly actual: TokenAmounts;
  readonly voidedKeys: readonly string[];
}

function writeSettlement(world: World, entry: Entry, { actual, voidedKeys }: Settlement): void {
  const { held } = entry;
  const after = ({ inputTokens, outputTokens }: TokenAmounts): Counted => ({
    requests: entry.counted.requests,
    inputTokens: entry.counted.inputTokens + inputTokens - held.inputTokens,
    outputTokens: entry.counted.outputTokens + outputTokens - held.outputTokens,
  });
  const settled = after(actual);
  if (voidedKeys.length > 0) entry.voided = { keys: voidedKeys, counted: after(NOTHING) };
  if (entry.isBlurred && tolerates(world, 'folded bucket')) {
    const least = voidedKeys.length > 0 ? after(NOTHING) : settled;
    misdirect(world, entry, {
      requests: 0,
      inputTokens: Math.min(0, least.inputTokens - entry.counted.inputTokens),
      outputTokens: Math.min(0, least.outputTokens - entry.counted.outputTokens),
    });
    const outputTokens = Math.min(entry.counted.outputTokens, settled.outputTokens);
    entry.counted = { ...settled, outputTokens };
  } else entry.counted = settled;
  entry.isKnown = false;
  entry.coveredMs = -Infinity;
}

function cancelIn(world: World, id: string): void {
  const stored = world.state.reservations.get(id);
  const entry = world.books.entries.get(id);
  if ((stored !== undefined) !== (entry?.isKnown ?? false)) throw new Error(`cancelling ${id}, known or not`);
  if (stored !== undefined) settleIn(world, stored.held, NOTHING, {});
  if (entry !== undefined) entry.due = { ...NOTHING, requests: 1 };
}

function reapIn(world: World, held: Held, actual: TokenAmounts): boolean {
  const entry = entryOf(world, held.reservationId);
  const { acceptedOutput, coveredMs, runsAt } = entry;
  if (!settleIn(world, held, actual, { ifExpiredAtMs: storeMs(world) })) return false;
  world.tally.reaped++;
  if (steadyMs(world) - coveredMs < LEASE_MS)
    throw new Error(`${entry.id} was taken for dead before its lease ran out`);
  // Whoever is settled for dead is owed what its gateway had told, even if less was settled.
  const owed = Math.max(0, acceptedOutput - actual.outputTokens);
  if (owed > 0) {
    entry.counted = { ...entry.counted, outputTokens: entry.counted.outputTokens + owed };
  }
  if (runsAt === undefined) entry.due = { requests: 1, ...actual };
  else entry.wasTakenForDead = true;
  return true;
}

function renewIn(world: World, progress: readonly Progress[]): Renewal {
  const renewal = world.logic.renew(world.state, progress, LEASE_MS, storeMs(world));
  for (const { held, outputSoFar } of progress) {
    const entry = entryOf(world, held.reservationId);
    if (renewal.gone.includes(entry.id) === entry.isKnown) throw new Error(`renewing ${entry.id}, known or gone`);
    if (!entry.isKnown) continue;
    entry.acceptedOutput = Math.max(entry.acceptedOutput, outputSoFar);
    entry.coveredMs = steadyMs(world);
  }
  return renewal;
}

function adoptIn(world: World, held: Held, counted: TokenAmounts | undefined, outputSoFar: number): void {
  const entry = entryOf(world, held.reservationId);
  const terms = { leaseMs: LEASE_MS, nowMs: storeMs(world), outputSoFar };
  world.logic.adopt(world.state, held, counted, terms);
  entry.acceptedOutput = Math.max(entry.isKnown ? entry.acceptedOutput : 0, outputSoFar);
  if (entry.isKnown) return;
  world.tally.adopted++;
  const { inputTokens, outputTokens } = held;
  if (!entry.isBlurred || !tolerates(world, 'folded bucket')) {
    const raised = entry.counted.outputTokens + Math.max(0, outputTokens - (counted?.outputTokens ?? 0));
    // After a wipe only one who says that nothing is counted is entered in full.
    const isLost = entry.isLost && counted !== undefined;
    entry.counted = isLost ? { ...entry.counted, outputTokens: raised } : { requests: 1, inputTokens, outputTokens };
  }
  entry.isLost &&= counted !== undefined;
  entry.held = held;
  entry.isKnown = true;
  entry.coveredMs = steadyMs(world);
}

function leaveIn(world: World, id: string): void {
  leaveQueue(world.state.queue, id, queuedKeys(world.setting.limits), { isServed: false });
}

// Promises

function rateIn({ setting }: World): RateBound | undefined {
  return setting.limits.find((limit) => limit.kind === 'requestRate');
}

function slotsIn({ setting }: World): SlotBound {
  return setting.limits.find((limit) => limit.kind === 'concurrency') as SlotBound;
}

/** What must hold at the instant of an admission. */
function checkAdmission(world: World, id: string): void {
  const entry = entryOf(world, id);
  checkRate(world);
  checkWindows(world, entry, () => true);
  // Whoever runs and has a lease was counted when this one was let in.
  const nowMs = steadyMs(world);
  let covered = 1;
  for (const other of world.books.entries.values()) {
    if (other !== entry && other.runsAt !== undefined && nowMs - other.coveredMs < LEASE_MS) covered++;
  }
  const { maxConcurrent } = slotsIn(world);
  if (covered > maxConcurrent) throw new Error(`${covered} of ${maxConcurrent} run and hold a lease`);
}

/** In any interval of length w at most burst + floor(w / T) pass; a step forward or a wipe is worth a burst of time. */
function checkRate(world: World): void {
  const rate = rateIn(world);
  if (rate === undefined) return;
  const { rate: seen } = world.books;
  const aheadUs = seen.requests++ * rate.emissionUs - (world.nowUs - START_US + seen.creditUs);
  seen.lowestUs = Math.min(seen.lowestUs, aheadUs);
  if (aheadUs - seen.lowestUs > (rate.burst - 1) * rate.emissionUs) throw new Error('the rate was exceeded');
}

/** No window that was asked holds more than its limit: what the store must know of, and, per wipe, as much again. */
function checkWindows(world: World, entry: Entry, isAsked: (limit: WindowBound) => boolean): void {
  const nowMs = steadyMs(world);
  for (const limit of world.setting.limits) {
    if (limit.kind !== 'window' || !entry.windows.has(limit.key) || !isAsked(limit)) continue;
    if (nowMs - entry.admittedMs >= limit.windowMs) continue;
    const { known, total } = amountsIn(world, limit, nowMs - limit.windowMs);
    const wipes = world.books.wipedMs.filter((wipedMs) => wipedMs >= nowMs - limit.windowMs).length;
    if (known > limit.max) throw new Error(`${known} of ${limit.max} known in ${limit.key}, with ${entry.id}`);
    if (!limit.isObserved && !world.books.usesGap && total > limit.max * (1 + wipes)) {
      throw new Error(`${total} of ${limit.max} in ${limit.key} after ${wipes} wipes, with ${entry.id}`);
    }
  }
}

function amountsIn(world: World, limit: WindowBound, afterMs: number): { known: number; total: number } {
  const { counts } = world.books;
  let known = 0;
  let total = 0;
  // What was refunded beyond its own took from others in its bucket, who may still be in the window.
  const refundedAfterMs = afterMs - limit.windowMs / limit.buckets;
  for (let index = counts.length - 1; index >= 0; index--) {
    const count = counts[index] as Entry | Misdirected;
    if (count.admittedMs <= refundedAfterMs) break;
    if (!count.windows.has(limit.key)) continue;
    const isInside = count.admittedMs > afterMs;
    const amount = amountIn(limit.counts, countedIn(count, limit.key));
    if (isInside || amount < 0) known += amount;
    if (isInside && 'id' in count) total += amountIn(limit.counts, grantedOf(count, limit.key));
  }
  return { known, total };
}

function countedIn(count: Entry | Misdirected, key: string): Counted {
  if (!('id' in count) || !count.voided?.keys.includes(key)) return count.counted;
  return count.voided.counted;
}

/** What a request took, as far as the store was asked and did not hold it for dead. */
function grantedOf({ due, held, grantedOutput, wasTakenForDead, voided }: Entry, key: string): Counted {
  if (wasTakenForDead || voided?.keys.includes(key)) return UNCOUNTED;
  const inputTokens = Math.min(due.inputTokens, held.inputTokens);
  return { requests: due.requests, inputTokens, outputTokens: Math.min(due.outputTokens, grantedOutput) };
}

function amountIn(counts: Counts, { requests, inputTokens, outputTokens }: Counted): number {
  switch (counts) {
    case 'requests':
      return requests;
    case 'total':
      return inputTokens + outputTokens;
    case 'input':
      return inputTokens;
    case 'output':
      return outputTokens;
    case 'cost':
      return 0;
    default:
      return counts satisfies never;
  }
}

/** At any time: the limit, and beside it only those whose lease ran out or was lost while they ran, for a reason. */
function checkSlots(world: World): void {
  let running = 0;
  let late = 0;
  for (const gateway of world.gateways) {
    for (const id of gateway.running.keys()) {
      running++;
      if (isLate(world, gateway, entryOf(world, id))) late++;
    }
  }
  const { maxConcurrent } = slotsIn(world);
  if (running > maxConcurrent + late) throw new Error(`${running} of ${maxConcurrent} run, ${late} of them late`);
}

/** Whether a running request was ever without a lease. */
function isLate(world: World, gateway: Gateway, entry: Entry): boolean {
  if (entry.wasUncovered || steadyMs(world) - entry.coveredMs < LEASE_MS) return entry.wasUncovered;
  const { stalledUs, harmedUs } = world.books;
  const reasonUs = Math.max(stalledUs.get(gateway) ?? -Infinity, harmedUs);
  if (reasonUs < world.nowUs - LEASE_MS * 1000) throw new Error(`${entry.id} lost its lease for no reason`);
  entry.wasUncovered = true;
  return true;
}

/** What must hold of the store whatever happens. */
function checkStore(world: World): void {
  checkSlots(world);
  for (const [key, { amounts, sum }] of world.state.windows) {
    let total = 0;
    for (const amount of amounts.values()) {
      if (amount < 0) throw new Error(`a negative amount in ${key}`);
      total += amount;
    }
    if (total !== sum) throw new Error(`${key} says ${sum} and holds ${total}`);
  }
  if (world.random() < SAMPLE_RATE) checkStatus(world);
  if (world.random() < 0.05) sweepIn(world);
}

/** What operators see is what counts. */
function checkStatus(world: World): void {
  for (const limit of world.setting.limits) {
    if (limit.kind === 'requestRate') continue;
    const live = limit.kind === 'window' ? liveAmounts(world, limit) : liveLeases(world, limit.key);
    const wanted = limit.kind === 'window' ? live.reduce((sum, [, amount]) => sum + amount, 0) : live.length;
    const { current } = useOf(world.state, limit, storeUs(world));
    if (current !== wanted) throw new Error(`${limit.key} shows ${current}, not ${wanted}`);
  }
}

/** Forgets what says nothing any more, which must change nothing; the books do the same. */
function sweepIn(world: World): void {
  const before = normalised(world, undefined);
  sweep(world.state, storeUs(world));
  if (before !== normalised(world, undefined)) throw new Error('sweeping changed what counts');
  const { books } = world;
  const oldMs = steadyMs(world) - 60_000;
  if ((books.counts[0]?.admittedMs ?? Infinity) > oldMs) return;
  books.counts = books.counts.filter(({ admittedMs }) => admittedMs > oldMs);
  books.wipedMs = books.wipedMs.filter((wipedMs) => wipedMs > oldMs);
  for (const [id, { admittedMs, runsAt, isKnown }] of books.entries) {
    if (admittedMs <= oldMs && runsAt === undefined && !isKnown) books.entries.delete(id);
  }
}

/** All that counts now, as text; without the place in line of a request that asks, which asking may change. */
function normalised(world: World, askingId: string | undefined): string {
  const { state, setting } = world;
  const nowUs = storeUs(world);
  const nowMs = storeMs(world);
  const counters = setting.limits.map((limit) => {
    if (limit.kind === 'window') return liveAmounts(world, limit);
    if (limit.kind === 'concurrency') return liveLeases(world, limit.key);
    const toleranceUs = limit.emissionUs * limit.burst;
    return Math.min(Math.max(state.rates.get(limit.key) ?? 0, nowUs), nowUs + toleranceUs);
  });
  const { tickets, lines, virtualTime } = state.queue;
  const isWaiting = (id: string) => {
    const expiresAtMs = tickets.get(id)?.expiresAtMs ?? 0;
    return id !== askingId && expiresAtMs > nowMs && expiresAtMs <= nowMs + TICKET_MS;
  };
  const reservations = [...state.reservations.values()];
  return JSON.stringify({
    counters,
    reservations: reservations.map(({ held, ...rest }) => [held.reservationId, held.outputTokens, rest]),
    virtualTime,
    tickets: [...tickets].filter(([id]) => isWaiting(id)),
    lines: [...lines]
      .map(([key, line]) => [key, [...line].filter(([id]) => isWaiting(id))])
      .filter(([, line]) => line?.length),
  });
}

function liveAmounts(world: World, limit: WindowBound): readonly (readonly [number, number])[] {
  const window = world.state.windows.get(limit.key);
  if (window === undefined) return [];
  const current = Math.floor(storeMs(world) / (limit.windowMs / limit.buckets));
  const all = [...window.amounts].filter(([, amount]) => amount > 0);
  if (Math.max(...window.amounts.keys()) > current + 1) {
    const sum = all.reduce((total, [, amount]) => total + amount, 0);
    return sum > 0 ? [[current, sum]] : [];
  }
  return all.filter(([bucket]) => bucket >= current - limit.buckets).sort(([left], [right]) => left - right);
}

function liveLeases(world: World, key: string): readonly (readonly [string, number])[] {
  const nowMs = storeMs(world);
  return [...(world.state.leases.get(key) ?? [])]
    .filter(([, expiresAtMs]) => expiresAtMs > nowMs)
    .map(([id, expiresAtMs]) => [id, expiresAtMs > nowMs + 2 * LEASE_MS ? nowMs + LEASE_MS : expiresAtMs] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1));
}

// Recovery

/** Faults stop and clients leave; then nothing may be left. */
function becomeCalm(world: World): void {
  world.isCalm = true;
  note(world, '', 'calm');
  runUntil(world, Math.max(world.nowUs, ...world.gateways.map(({ stalledUntilUs }) => stalledUntilUs)));
  for (const gateway of world.gateways) {
    for (const run of gateway.running.values()) {
      laterAt(world, gateway, between(world, 0, 300), () => finish(world, gateway, run));
    }
  }
  const calmUs = world.nowUs;
  runUntil(world, calmUs + LEAVING_MS * 1000);
  // A clock that stepped back is noticed by whoever asks next, of a slot by whoever finds none.
  askInVain(world, 'next');
  fillSlots(world);
  runWhileAny(world, calmUs + (LEAVING_MS + RECOVERY_MS) * 1000, () => true);
  const left = leftovers(world);
  if (left.length > 0) throw new Error(`left after everything ended: ${left}`);
  checkEmptied(world);
}

function runWhileAny(world: World, untilUs: number, isAwaited: (kind: string) => boolean): void {
  while (world.nowUs < untilUs && leftovers(world).some(isAwaited)) runUntil(world, world.nowUs + 500_000);
}

function askInVain(world: World, id: string): LimitDecision {
  const queue = { weight: 1, maxWaiting: 5 };
  const decision = reserveIn(world, request(id, { leaseMs: LEASE_MS, queue }));
  if (decision.kind === 'admitted') cancelIn(world, id);
  else leaveIn(world, id);
  return decision;
}

function fillSlots(world: World): void {
  const { state, logic } = world;
  const slots = { ...slotsIn(world), isQueued: false };
  for (let index = 0; ; index++) {
    const decision = logic.reserve(state, [slots], request(`fills${index}`, { leaseMs: LEASE_MS }), storeUs(world));
    if (decision.kind === 'refused') break;
    if (index === slots.maxConcurrent) throw new Error(`more than ${index} slots are given away`);
  }
  for (const { held } of state.reservations.values()) {
    if (held.reservationId.startsWith('fills')) logic.settle(state, held, NOTHING);
  }
}

function leftovers(world: World): readonly string[] {
  const { reservations, leases, queue } = world.state;
  const nowMs = storeMs(world);
  return [
    ...[...reservations.keys()].map(() => 'reservation'),
    ...[...leases.keys()].flatMap((key) => liveLeases(world, key)).map(() => 'lease'),
    ...[...queue.tickets.values()].filter(({ expiresAtMs }) => expiresAtMs > nowMs).map(() => 'ticket'),
  ];
}

/** A window later no tokens are left either, and whoever comes is let in. */
function checkEmptied(world: World): void {
  const windows = world.setting.limits.filter((limit) => limit.kind === 'window');
  const longestMs = Math.max(...windows.map(({ windowMs, buckets }) => windowMs + (2 * windowMs) / buckets));
  world.nowUs += longestMs * 1000;
  for (const limit of windows) {
    if (liveAmounts(world, limit).length > 0) throw new Error(`tokens are left in ${limit.key}`);
  }
  const decision = askInVain(world, 'last');
  if (decision.kind !== 'admitted') throw new Error(`room is refused: ${JSON.stringify(decision)}`);
  const { tickets, lines } = world.state.queue;
  if (tickets.size + lines.size > 0) throw new Error('somebody is left in line');
}
