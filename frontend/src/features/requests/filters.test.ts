import { expect, it } from 'vitest';
import { filtersIn, searchOf } from './filters.ts';

it('reads back what it has written into an address', () => {
  const filters = {
    requestId: 'a b&c',
    model: 'gpt-4o',
    status: 429,
    outcome: 'refused',
    from: '2026-01-31T10:00:00.000Z',
    cursor: '17_4',
  } as const;
  expect(filtersIn(new URLSearchParams(searchOf(filters)))).toEqual(filters);
});

it('leaves out what is empty or cannot be a filter', () => {
  expect(searchOf({ model: '', requestId: ' id ' })).toEqual({ requestId: 'id' });
  expect(filtersIn(new URLSearchParams('status=x&outcome=odd&from=never&to=&model='))).toEqual({});
});
