import { policyShape, type RequestLogRecord } from '@ai-gateway/contracts';
import { describe, expect, it } from 'vitest';
import { logRecord } from '../../test/support/request-log.ts';
import { simulate } from './simulate.ts';
import { simulatedTime } from './simulated-time.ts';

const AT = Date.parse('2026-03-01T12:59:50.000Z');

function rulesWith(policies: readonly object[], namespace: object = {}) {
  return {
    namespaces: [
      {
        id: 'n1',
        code: 'shop',
        name: 'Shop',
        description: '',
        isEnabled: true,
        authMode: 'open' as const,
        maxWaitMs: 0,
        maxWaiting: 100,
        weight: 1,
        allowedModels: [],
        deniedModels: [],
        ...namespace,
      },
    ],
    matchers: [],
    policies: policies.map((one, index) =>
      policyShape.parse({ id: `p${index}`, namespaceId: 'n1', name: `policy ${index}`, ...one }),
    ),
    layeredLimits: [],
    prices: [],
    keys: [{ id: 'vk1', name: 'phone' }],
  };
}

function run(records: readonly RequestLogRecord[], policies: readonly object[], namespace: object = {}) {
  const draftIds = policies.map((_, index) => `p${index}`);
  const replaying = simulate({ rules: rulesWith(policies, namespace), namespaceId: 'n1', draftIds });
  for (const record of records) replaying.add(record);
  return replaying.result();
}

const every = (ms: number, count: number, fields: Partial<RequestLogRecord> = {}) =>
  Array.from({ length: count }, (_, index) => logRecord({ atMs: AT + index * ms, requestId: `q${index}`, ...fields }));

describe('a QPS draft', () => {
  it('refuses nothing of traffic at its rate, and every second of twice that', () => {
    const draft = [{ rule: { kind: 'qps-limit', maxQps: 10, burst: 1 } }];
    expect(run(every(100, 50), draft).total).toMatchObject({ requests: 50, refused: 0 });
    expect(run(every(50, 50), draft).total).toMatchObject({ requests: 50, refused: 25 });
  });

  it('takes its burst at once and not one more', () => {
    const draft = [{ rule: { kind: 'qps-limit', maxQps: 1, burst: 5 } }];
    const result = run(every(0, 8), draft);
    expect(result.total.refused).toBe(3);
    expect(result.byPolicy).toEqual([
      {
        policyId: 'p0',
        policyName: 'policy 0',
        refused: 3,
        observed: 0,
        cut: 0,
        first: ['q5', 'q6', 'q7'].map((requestId) => ({ requestId, at: new Date(AT).toISOString() })),
      },
    ]);
  });
});

it('sorts by hour and by key, beside what really happened', () => {
  // 20 s apart: one before the hour, three after it; a window of a minute takes two.
  const records = [
    ...every(20_000, 3, { virtualKeyId: 'vk1' }),
    logRecord({ atMs: AT + 60_000, outcome: 'refused', status: 429, outputTokens: 0 }),
  ];
  const result = run(records, [{ rule: { kind: 'request-limit', windows: [{ windowSeconds: 60, maxRequests: 2 }] } }]);
  expect(result.byHour.map(({ hour, requests, refused, actual }) => [hour, requests, refused, actual.refused])).toEqual(
    [
      ['2026-03-01T12:00:00.000Z', 1, 0, 0],
      ['2026-03-01T13:00:00.000Z', 3, 2, 1],
    ],
  );
  expect(
    result.byKey.map(({ virtualKeyId, name, requests, refused }) => [virtualKeyId, name, requests, refused]),
  ).toEqual([
    ['vk1', 'phone', 3, 1],
    [undefined, undefined, 1, 1],
  ]);
});

it('holds a slot for as long as the request ran, and lets others wait for it in line', () => {
  const slots = [{ rule: { kind: 'concurrency-limit', maxConcurrent: 1 } }];
  // Three at once, 100 ms each.
  expect(run(every(0, 3), slots).total).toMatchObject({ requests: 3, refused: 2, waited: 0 });
  expect(run(every(100, 3), slots).total).toMatchObject({ refused: 0 });
  // In line: 0, 100 and 200 ms.
  expect(run(every(0, 3), slots, { maxWaitMs: 250 }).total).toMatchObject({ refused: 0, waited: 2, waitedMs: 300 });
  expect(run(every(0, 3), slots, { maxWaitMs: 150 }).total).toMatchObject({ refused: 1, waited: 1 });
});

it('counts tokens as gateways do: the demand until the end, then what was used', () => {
  // Each asks for 10 + 50 and uses 10 + 20 within 100 ms.
  const draft = [{ rule: { kind: 'token-limit', windows: [{ windowSeconds: 600, maxTokens: 100 }] } }];
  const asked = { clientMaxTokens: 50 };
  // 0 + 60, 30 + 60, 60 + 60 > 100.
  expect(run(every(1_000, 4, asked), draft).total).toMatchObject({ requests: 4, refused: 2 });
  // All at once: one holds 60, the next has no room.
  expect(run(every(0, 4, asked), draft).total).toMatchObject({ refused: 3 });
});

it('cuts at a lowered cap and counts the tokens lost; a client that asked for less loses nothing', () => {
  const draft = [{ rule: { kind: 'token-limit', maxOutputTokens: 15 } }];
  const result = run([...every(10, 3), logRecord({ atMs: AT + 50, clientMaxTokens: 12, outputTokens: 12 })], draft);
  expect(result.total).toMatchObject({ requests: 4, refused: 0, cut: 3, tokensLost: 15 });
  expect(result.byPolicy).toMatchObject([{ policyId: 'p0', cut: 3 }]);
});

it('asks no tokens for what was answered from the cache', () => {
  const draft = [{ rule: { kind: 'token-limit', windows: [{ windowSeconds: 600, maxTokens: 70 }] } }];
  const cached = { clientMaxTokens: 50, inputTokens: 0, outputTokens: 0, demand: { inputTokens: 0, outputTokens: 0 } };
  expect(run([...every(0, 1, { clientMaxTokens: 50 }), ...every(1, 9, cached)], draft).total.refused).toBe(0);
});

it('refuses inputs over the cap', () => {
  const draft = [{ rule: { kind: 'token-limit', maxInputTokens: 9 } }];
  const small = logRecord({ atMs: AT + 99, demand: { inputTokens: 9, outputTokens: 1 } });
  expect(run([...every(10, 3), small], draft).total).toMatchObject({ requests: 4, refused: 3 });
});

it('observes without refusing, and leaves out what its scope leaves out', () => {
  const rule = { kind: 'qps-limit', maxQps: 1, burst: 1 };
  const observed = run(every(0, 3), [{ rule, mode: 'observe' }]);
  expect(observed.total.refused).toBe(0);
  expect(observed.byPolicy).toMatchObject([{ refused: 0, observed: 2 }]);
  expect(run(every(0, 3), [{ rule, scope: { virtualKeyId: 'vk1' } }]).total.refused).toBe(0);
  expect(run(every(0, 3), [{ rule, isEnabled: false }]).total.refused).toBe(0);
});

it('takes the usage of what was refused then from others of its model, and says so', () => {
  const refused = { outcome: 'refused' as const, status: 429, outputTokens: 0, usageSource: 'none' as const };
  const result = run(
    [...every(1_000, 2), logRecord({ atMs: AT + 5_000, ...refused })],
    [{ rule: { kind: 'token-limit', maxOutputTokens: 15 } }],
  );
  expect(result).toMatchObject({ assumed: 1, total: { refused: 0, cut: 3, tokensLost: 15, actual: { refused: 1 } } });
});

it('does not replay what never came to its limits, and counts others without reporting them', () => {
  const { kind: _, demand: __, ...early } = logRecord({ atMs: AT, outcome: 'refused', errorCode: 'model_not_found' });
  const result = run([early as RequestLogRecord, logRecord({ atMs: AT, namespaceId: 'gone' })], []);
  expect(result).toMatchObject({ notReplayed: 1, total: { requests: 0 } });
});

it('judges message drafts by what the log keeps, and names what it does not', () => {
  const condition = (source: string, field: string, value: string) => ({ source, field, operator: 'equals', value });
  const rule = { kind: 'message-matching', action: 'deny', condition: condition('body', 'model', 'm') };
  expect(run(every(0, 2), [{ rule }])).toMatchObject({ total: { refused: 2 }, unrecordedFields: [] });
  const unknown = { ...rule, condition: condition('header', 'x-a', 'b') };
  expect(run(every(0, 2), [{ rule: unknown }])).toMatchObject({
    total: { refused: 0 },
    unrecordedFields: ['header x-a'],
  });
});

it('lets what is due happen in order, and what is asked for the past at once', () => {
  const time = simulatedTime();
  const seen: string[] = [];
  for (const [atMs, name] of [
    [30, 'c'],
    [10, 'a'],
    [20, 'b'],
    [10, 'a2'],
  ] as const) {
    time.at(atMs, () => seen.push(`${name}${time.nowMs()}`));
  }
  time.at(20, () => time.at(5, () => seen.push(`late${time.nowMs()}`)));
  time.advanceTo(25);
  expect(seen).toEqual(['a10', 'a210', 'b20', 'late20']);
  time.advanceTo(100);
  expect(seen.at(-1)).toBe('c30');
});
