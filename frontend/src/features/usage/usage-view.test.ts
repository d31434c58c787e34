import { expect, it } from 'vitest';
import { queryOf, searchOf, viewIn } from './usage-view.ts';

const NOW = Date.parse('2026-03-10T12:34:56Z');

it('reads back what it has written into an address', () => {
  const view = {
    days: 30,
    from: '2026-01-31T10:00:00.000Z',
    groupBy: ['tenant', 'day'],
    namespaceId: 'ns_1',
    sort: 'cost',
    order: 'asc',
  } as const;
  expect(viewIn(new URLSearchParams(searchOf(view)))).toEqual(view);
  expect(viewIn(new URLSearchParams(searchOf({ days: 1, groupBy: [] })))).toEqual({ days: 1, groupBy: [] });
});

it('is of the last day by model where the address says nothing that can be', () => {
  const view = { days: 1, groupBy: ['model'] };
  expect(viewIn(new URLSearchParams())).toEqual(view);
  expect(viewIn(new URLSearchParams('days=5&from=never&sort=colour&order=up&groupBy=colour,model'))).toEqual(view);
});

it('asks for whole hours up to now, or for the range that is given', () => {
  expect(queryOf({ days: 7, groupBy: ['model', 'day'] }, NOW)).toEqual({
    from: '2026-03-03T13:00:00.000Z',
    to: '2026-03-10T13:00:00.000Z',
    groupBy: 'model,day',
  });
  const to = '2026-03-01T00:00:00.000Z';
  expect(queryOf({ days: 1, to, groupBy: [] }, NOW)).toEqual({ from: '2026-02-28T00:00:00.000Z', to });
});
