import { expect, it } from 'vitest';
import { STEP_NAMES, stateOf } from './steps.ts';

const statesAt = (stage: string | undefined, kind: 'admitted' | 'refused' | 'waits' = 'refused') =>
  STEP_NAMES.map((step) => stateOf(step, { kind, policyIds: [], ...(stage !== undefined && { stage }) })).join(' ');

it('says how far a request came', () => {
  expect(statesAt(undefined, 'admitted')).toBe('passed passed passed passed passed passed passed passed');
  expect(statesAt('parseBody')).toBe('refused open open open open open open open');
  expect(statesAt('authenticate')).toBe('passed passed refused open open open open open');
  expect(statesAt('capOutput')).toBe('passed passed passed passed passed passed refused open');
  expect(statesAt('reserve')).toBe('passed passed passed passed passed passed passed refused');
});

it('knows that limits are planned before targets are chosen', () => {
  expect(statesAt('planLimits')).toBe('passed passed passed passed passed open open refused');
});

it('shows a request that waits for a limit', () => {
  expect(statesAt('reserve', 'waits')).toMatch(/ passed waits$/);
});
