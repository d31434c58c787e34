import type { LimitState } from '@ai-gateway/limits';
import { expect, it } from 'vitest';
import { KNOWN_GAPS, LIMIT_LOGIC, type LimitLogic, simulate, type Tally } from './support/limit-simulator.ts';

const SEEDS = Number(process.env.SIMULATOR_SEEDS || 10_000);
/** A planted bug must be found within so many. */
const SEEDS_FOR_A_BUG = 500;

/** One seed with all its events: `SEED=123 npx vitest run gateway/test/limit-simulator.test.ts`. */
const { SEED } = process.env;

it(`keeps every promise for ${SEED === undefined ? `${SEEDS.toLocaleString('en')} seeds` : `seed ${SEED}`}`, {
  timeout: 600_000,
}, () => {
  if (SEED !== undefined) {
    simulate(Number(SEED), { onEvent: (line) => process.stdout.write(`${line}\n`) });
    return;
  }
  const total = new Map<string, number>();
  for (let seed = 0; seed < SEEDS; seed++) {
    for (const [name, count] of Object.entries(simulate(seed))) total.set(name, (total.get(name) ?? 0) + count);
  }
  // Whatever a promise is about has happened.
  for (const [name, count] of total) expect(count, name).toBeGreaterThan(SEEDS / 100);
});

it('decides everything by the seed', () => {
  const eventsOf = (seed: number) => {
    const lines: string[] = [];
    const tally: Tally = simulate(seed, { onEvent: (line) => lines.push(line) });
    return { lines, tally };
  };
  expect(eventsOf(7)).toEqual(eventsOf(7));
  expect(eventsOf(7)).not.toEqual(eventsOf(8));
});

const BUGS: Record<string, Partial<LimitLogic>> = {
  'slots that are not counted': {
    reserve: (state, ...rest) => LIMIT_LOGIC.reserve({ ...state, leases: new Map() }, ...rest),
  },
  'a rate that lets one more pass': {
    reserve: (state, limits, ...rest) =>
      LIMIT_LOGIC.reserve(
        state,
        limits.map((limit) => (limit.kind === 'requestRate' ? { ...limit, burst: limit.burst + 1 } : limit)),
        ...rest,
      ),
  },
  'a window that is one token too wide': {
    reserve: (state, limits, ...rest) =>
      LIMIT_LOGIC.reserve(
        state,
        limits.map((limit) => (limit.kind === 'window' ? { ...limit, max: limit.max + 1 } : limit)),
        ...rest,
      ),
  },
  'a refusal that takes': {
    reserve(state, limits, ...rest) {
      const decision = LIMIT_LOGIC.reserve(state, limits, ...rest);
      if (decision.kind === 'admitted') return decision;
      for (const { kind, key } of limits) {
        if (kind === 'requestRate') state.rates.set(key, (state.rates.get(key) ?? 0) + 1_000);
      }
      return decision;
    },
  },
  'a settlement that frees no slot': {
    settle: (state, ...rest) => LIMIT_LOGIC.settle({ ...state, leases: new Map() }, ...rest),
  },
  'a settlement that frees nothing': { settle: () => true },
  'a settlement that can be had twice': {
    settle(state, held, ...rest) {
      const isSettled = LIMIT_LOGIC.settle(state, held, ...rest);
      if (!isSettled) LIMIT_LOGIC.settle({ ...state, reservations: copyWith(state, held) }, held, ...rest);
      return isSettled;
    },
  },
  'a reaper that takes from the living': {
    expiredReservations: (state, { leaseMs }) =>
      LIMIT_LOGIC.expiredReservations(state, { leaseMs, nowMs: Number.MAX_SAFE_INTEGER }),
    settle: (state, held, actual, terms) =>
      LIMIT_LOGIC.settle(state, held, actual, { voidedKeys: terms?.voidedKeys ?? [] }),
  },
  'an extension that is not counted': {
    extend: (state, ...rest) => LIMIT_LOGIC.extend({ ...state, windows: new Map() }, ...rest),
  },
  'an adoption that is forgotten': { adopt: () => {} },
  'an adoption without tokens': {
    adopt: (state, ...rest) => LIMIT_LOGIC.adopt({ ...state, windows: new Map() }, ...rest),
  },
  'a renewal that prolongs no slot': {
    renew: (state, ...rest) => LIMIT_LOGIC.renew({ ...state, leases: new Map() }, ...rest),
  },
};

it.each(Object.entries(BUGS))('finds %s', (_, bug) => {
  const logic = { ...LIMIT_LOGIC, ...bug };
  expect(() => {
    for (let seed = 0; seed < SEEDS_FOR_A_BUG; seed++) simulate(seed, { logic });
  }).toThrow(/^seed \d+: .*\n.* ms {2}/s);
});

/** Some gaps are rare. */
const SEEDS_FOR_A_GAP = 3_000;

/** Whoever closes a gap takes it out of the list, or this fails. */
it.each(KNOWN_GAPS)('tolerates no gap that is none: %s', (gap) => {
  const tolerated = KNOWN_GAPS.filter((other) => other !== gap);
  expect(() => {
    for (let seed = 0; seed < SEEDS_FOR_A_GAP; seed++) simulate(seed, { tolerated });
  }).toThrow(/^seed \d+: /);
});

function copyWith(state: LimitState, held: Parameters<LimitLogic['settle']>[1]) {
  const { reservationId } = held;
  return new Map(state.reservations).set(reservationId, { held, expiresAtMs: 0, outputSoFar: 0 });
}
