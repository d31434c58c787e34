import { expect, it } from 'vitest';
import { diffRules, isEqual } from './diff-rules.ts';

it('finds nothing between equal rules, whatever the order of fields', () => {
  const rules = { policies: [{ id: 'a', rule: { kind: 'qps-limit', maxQps: 1 } }] };
  expect(diffRules(rules, { policies: [{ rule: { maxQps: 1, kind: 'qps-limit' }, id: 'a' }] })).toEqual([]);
});

it('names what was added, removed and changed, with the fields before and after', () => {
  const before = {
    namespaces: [
      { id: 'gone', name: 'Gone' },
      { id: 'kept', name: 'Old', weight: 1, limits: [1, 2] },
    ],
    policies: [{ id: 'same', name: 'Same' }],
  };
  const after = {
    namespaces: [
      { id: 'kept', name: 'New', weight: 1, limits: [1, 3], description: 'more' },
      { id: 'new', name: 'New' },
    ],
    policies: [{ id: 'same', name: 'Same' }],
  };
  expect(diffRules(before, after)).toEqual([
    {
      kind: 'namespaces',
      added: [{ id: 'new', name: 'New' }],
      removed: [{ id: 'gone', name: 'Gone' }],
      changed: [
        {
          id: 'kept',
          fields: [
            { field: 'name', before: 'Old', after: 'New' },
            { field: 'limits', before: [1, 2], after: [1, 3] },
            { field: 'description', after: 'more' },
          ],
        },
      ],
    },
  ]);
});

it('takes a kind that one of them lacks for empty', () => {
  const prices = [{ id: 'p' }];
  expect(diffRules({}, { prices })).toEqual([{ kind: 'prices', added: prices, removed: [], changed: [] }]);
  expect(diffRules({ prices }, {})).toEqual([{ kind: 'prices', added: [], removed: prices, changed: [] }]);
});

it.each([
  [[], {}, false],
  [null, {}, false],
  [{ a: undefined }, {}, true],
  [{ a: null }, {}, false],
  [[1, [2]], [1, [2]], true],
])('compares %j and %j', (left, right, equal) => {
  expect(isEqual(left, right)).toBe(equal);
});
