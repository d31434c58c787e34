import { expect, it } from 'vitest';
import { type Breaker, CLOSED, failed, mayCall, succeeded } from './breaker.ts';

function afterErrors(count: number, atMs: number): Breaker {
  let breaker = CLOSED;
  for (let error = 0; error < count; error++) breaker = failed(breaker, atMs, 0.5);
  return breaker;
}

it('opens at the fifth error in a row, not at the fourth', () => {
  expect(afterErrors(4, 1_000).state).toBe('closed');
  expect(afterErrors(5, 1_000).state).toBe('open');
  const interrupted = succeeded(afterErrors(4, 1_000), 1_001);
  expect(failed(interrupted, 1_002, 0.5).state).toBe('closed');
});

it('opens when more than half of the calls of a second fail', () => {
  let breaker = CLOSED;
  for (let call = 0; call < 4; call++) breaker = succeeded(breaker, 1_000);
  for (let call = 0; call < 4; call++) breaker = failed(breaker, 1_100, 0.5);
  breaker = succeeded(breaker, 1_150);
  for (let call = 0; call < 2; call++) breaker = failed(breaker, 1_200, 0.5);
  expect(breaker.state).toBe('open');
});

it('lets one probe through about every half second', () => {
  const open = afterErrors(5, 10_000);
  expect(mayCall(open, 10_400, 0.5).ok).toBe(false);
  const probe = mayCall(open, 10_500, 0.5);
  expect(probe.ok).toBe(true);
  expect(mayCall(probe.next, 10_501, 0.5).ok).toBe(false);
  expect(mayCall(failed(probe.next, 10_580, 0.5), 11_000, 0.5).ok).toBe(true);
  expect(mayCall(afterErrors(5, 10_000), 10_401, 0).ok).toBe(false);
});

it('ramps from a tenth to all calls in two seconds after it closes', () => {
  const closed = succeeded(afterErrors(5, 10_000), 20_000);
  expect(closed.state).toBe('closed');
  expect(mayCall(closed, 20_000, 0.09).ok).toBe(true);
  expect(mayCall(closed, 20_000, 0.11).ok).toBe(false);
  expect(mayCall(closed, 21_000, 0.54).ok).toBe(true);
  expect(mayCall(closed, 21_000, 0.56).ok).toBe(false);
  expect(mayCall(closed, 22_000, 0.999).ok).toBe(true);
});
