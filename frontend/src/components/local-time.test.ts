import { expect, it } from 'vitest';
import { isoOf, localTimeOf } from './local-time.ts';

it('keeps the minute of a local time', () => {
  expect(isoOf(localTimeOf('2026-01-31T17:05:59.000Z'))).toBe('2026-01-31T17:05:00.000Z');
});
