import { expect, it } from 'vitest';
import { calibrations } from './calibration.ts';

/** What a caller would see: the estimate, then the provider's report of `perToken` times the tokens. */
function report(learned: ReturnType<typeof calibrations>, model: string, tokens: number, perToken: number): void {
  const ratio = learned.ratioOf(model, 'input');
  learned.learn(model, {
    direction: 'input',
    counted: Math.ceil(tokens * ratio),
    reported: Math.round(tokens * perToken),
    ratio,
  });
}

it('learns the ratio of a model from what its provider reports, and its error shrinks', () => {
  const learned = calibrations();
  expect(learned.ratioOf('gemini-2.5-pro', 'input')).toBe(1);
  expect(learned.ratioOf('claude-sonnet-4', 'input')).toBe(1.2);
  for (let report_ = 0; report_ < 10; report_++) report(learned, 'gemini-2.5-pro', 400, 1.3);
  const early = learned.all()['gemini-2.5-pro input'];
  for (let report_ = 0; report_ < 300; report_++) report(learned, 'gemini-2.5-pro', 400, 1.3);
  const late = learned.all()['gemini-2.5-pro input'];
  expect(late?.ratio).toBeCloseTo(1.3, 1);
  expect(late?.samples).toBe(310);
  expect(late?.mean_error).toBeLessThan(0.05);
  expect(late?.mean_error).toBeLessThan(early?.mean_error ?? 0);
});

it('follows a provider that changes its vocabulary', () => {
  const learned = calibrations();
  for (let count = 0; count < 300; count++) report(learned, 'm', 1_000, 1);
  for (let count = 0; count < 300; count++) report(learned, 'm', 1_000, 1.5);
  expect(learned.ratioOf('m', 'input')).toBeCloseTo(1.5, 1);
});

it('is not turned over by one odd report', () => {
  const learned = calibrations();
  learned.learn('m', { direction: 'input', counted: 10, reported: 100_000, ratio: 1 });
  learned.learn('m', { direction: 'input', counted: 100_000_000, reported: 1, ratio: 1 });
  expect(learned.ratioOf('m', 'input')).toBe(1);
  learned.learn('m', { direction: 'input', counted: 100, reported: 390, ratio: 1 });
  expect(learned.ratioOf('m', 'input')).toBeLessThan(1.2);
});

it('keeps the models that were reported last', () => {
  const learned = calibrations();
  for (let model = 0; model < 600; model++)
    learned.learn(`model-${model}`, { direction: 'input', counted: 10, reported: 12, ratio: 1 });
  const names = Object.keys(learned.all());
  expect(names).toHaveLength(500);
  expect(names[0]).toBe('model-100 input');
});

it('does not swing when senders count by a ratio of a while ago', () => {
  const learned = calibrations();
  for (let minute = 0; minute < 10; minute++) {
    const ratio = learned.ratioOf('m', 'input');
    for (let report_ = 0; report_ < 500; report_++)
      learned.learn('m', { direction: 'input', counted: Math.ceil(400 * ratio), reported: 600, ratio });
    expect(learned.ratioOf('m', 'input')).toBeCloseTo(1.5, 1);
  }
});

it('learns inputs and outputs apart', () => {
  const learned = calibrations();
  for (let count = 0; count < 200; count++)
    learned.learn('m', { direction: 'input', counted: 300, reported: 900, ratio: 1 });
  expect(learned.ratioOf('m', 'input')).toBeGreaterThan(2.5);
  expect(learned.ratioOf('m', 'output')).toBe(1);
});
