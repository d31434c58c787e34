import { expect, it } from 'vitest';
import { differences } from './differences.ts';

it('shows the fields that differ, at every depth, and no stamps', () => {
  const before = { id: 'p', version: 1, updatedAt: 'a', name: 'p', rule: { kind: 'qps', windows: [{ max: 1 }] } };
  const after = {
    id: 'p',
    version: 2,
    updatedAt: 'b',
    name: 'p',
    rule: { kind: 'qps', windows: [{ max: 2 }], burst: 3 },
  };
  expect(differences(before, after)).toEqual([
    { field: 'rule.windows.0.max', before: '1', after: '2' },
    { field: 'rule.burst', before: '', after: '3' },
  ]);
  expect(differences(undefined, { id: 'x', name: 'new' })).toEqual([{ field: 'name', before: '', after: 'new' }]);
  expect(differences({ name: 'old' }, undefined)).toEqual([{ field: 'name', before: 'old', after: '' }]);
});
