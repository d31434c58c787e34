import { describe, expect, it } from 'vitest';
import { conditionShape } from '../condition.ts';
import { compileCondition, conditionFault, type RequestView } from './match.ts';

function view(body: unknown): RequestView {
  return { headers: {}, query: new URLSearchParams(), path: '/', body };
}

describe('operators', () => {
  it.each([
    ['equals', 'gold', 'gold', true],
    ['equals', 'Gold', 'gold', false],
    ['not_equals', 'gold', 'silver', true],
    ['contains', 'golden', 'old', true],
    ['not_contains', 'golden', 'old', false],
    ['starts_with', 'golden', 'gol', true],
    ['ends_with', 'golden', 'den', true],
    ['regex', 'golden', '^g.*n$', true],
    ['regex', 'golden', '^n', false],
    ['in', 'gold', 'silver, gold', true],
    ['in', 'gol', 'silver, gold', false],
    ['greater_than', '2.5', '2', true],
    ['greater_than', '2', '2', false],
    ['greater_than_or_equal', '2', '2', true],
    ['less_than', '1', '2', true],
    ['less_than_or_equal', '2', '2', true],
    ['less_than', 'abc', '2', false],
    ['less_than', '', '2', false],
  ])('%s: "%s" against "%s" is %s', (operator, actual, value, expected) => {
    const condition = conditionShape.parse({ source: 'body', field: 'tier', operator, value });
    expect(compileCondition(condition)(view({ tier: actual }))).toBe(expected);
  });
});

it.each(['equals', 'not_equals', 'not_contains'] as const)(
  'a missing field never matches, also not with %s',
  (operator) => {
    const matches = compileCondition(conditionShape.parse({ source: 'body', field: 'a.b', operator, value: 'x' }));
    for (const body of [undefined, null, 'text', {}, { a: null }, { a: { b: { c: 1 } } }])
      expect(matches(view(body))).toBe(false);
  },
);

it('reads array items and plain own keys only', () => {
  const first = compileCondition(
    conditionShape.parse({ source: 'body', field: 'messages.0.role', operator: 'equals', value: 'user' }),
  );
  expect(first(view({ messages: [{ role: 'user' }] }))).toBe(true);
  const inherited = compileCondition(
    conditionShape.parse({ source: 'body', field: 'constructor.name', operator: 'equals', value: 'Object' }),
  );
  expect(inherited(view({}))).toBe(false);
});

it('stays fast on a pattern that makes backtracking engines explode', () => {
  const matches = compileCondition(
    conditionShape.parse({ source: 'body', field: 't', operator: 'regex', value: '^(a+)+$' }),
  );
  const started = performance.now();
  expect(matches(view({ t: `${'a'.repeat(10_000)}!` }))).toBe(false);
  expect(performance.now() - started).toBeLessThan(2_000);
});

it.each([
  [{ source: 'header', operator: 'equals', value: 'x' }, 'field'],
  [{ source: 'path', operator: 'regex', value: '(' }, 'value'],
  [{ source: 'path', operator: 'regex', value: '(?=x)' }, 'value'],
  [{ source: 'path', operator: 'regex', value: 'a'.repeat(257) }, 'value'],
  [{ source: 'path', operator: 'less_than', value: 'ten' }, 'value'],
])('says what is wrong with %j', (condition, field) => {
  expect(conditionFault(conditionShape.parse(condition))?.field).toBe(field);
});
