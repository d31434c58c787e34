import { calibratedCut } from '@ai-gateway/tokenizer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toyCount, toyCutText, toyTokenizer } from '../../test/support/toy-tokenizer.ts';
import { streamMeter, tokenBound } from './stream-meter.ts';

const textOf = fc
  .array(fc.constantFrom('a', 'b', 'ing', ' ', ' word', '你', '好', '👩‍👩‍👧', 'é', '\n'), { maxLength: 120 })
  .map((parts) => parts.join(''));

async function deliver(text: string, cap: number, sizes: readonly number[]) {
  const cutText = toyCutText();
  const meter = streamMeter({ cap: cap }, cutText);
  let delivered = '';
  let arrived = '';
  const characters = [...text];
  for (let at = 0, step = 0; at < characters.length; step++) {
    const piece = characters.slice(at, at + Math.max(1, sizes[step % sizes.length] ?? 1)).join('');
    at += Math.max(1, sizes[step % sizes.length] ?? 1);
    arrived += piece;
    const metered = meter.offer([{ lane: '0:content', text: piece }]) ?? (await meter.resolve());
    if (metered.kind === 'fits') delivered += piece;
    else {
      delivered += metered.allowed.map(({ text: allowed }) => allowed).join('');
      return { delivered, arrived, wasCut: true, meter, calls: cutText.calls };
    }
  }
  return { delivered, arrived, wasCut: false, meter, calls: cutText.calls };
}

it('delivers at most the cap, ends at a character, and one more character of what had arrived would exceed it', async () => {
  await fc.assert(
    fc.asyncProperty(
      textOf,
      fc.integer({ min: 0, max: 60 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }),
      async (text, cap, sizes) => {
        const { delivered, arrived, wasCut, meter } = await deliver(text, cap, sizes);
        expect(arrived.startsWith(delivered)).toBe(true);
        expect(toyCount(delivered)).toBeLessThanOrEqual(cap);
        expect(await meter.total()).toEqual({ tokens: toyCount(delivered), exact: true, isRough: false, ratio: 1 });
        const next = String.fromCodePoint(arrived.codePointAt(delivered.length) ?? 0);
        if (wasCut) expect(toyCount(delivered + next)).toBeGreaterThan(cap);
        else expect(delivered).toBe(text);
      },
    ),
    { numRuns: 1_000 },
  );
});

describe('how often it counts', () => {
  it('not at all while the bytes are within the cap', async () => {
    const { calls } = await deliver('word '.repeat(100), 500, [5]);
    expect(calls).toBe(0);
  });

  it('logarithmically in the cap beyond', async () => {
    const { calls, wasCut } = await deliver('word '.repeat(20_000), 10_000, [5]);
    expect(wasCut).toBe(true);
    expect(calls).toBeLessThan(60);
  });
});

it('counts all choices and kinds of text against one cap, and cuts the one that crosses it', async () => {
  const meter = streamMeter({ cap: 4 }, toyCutText());
  expect(meter.offer([{ lane: '0:content', text: 'abcd' }])).toEqual({ kind: 'fits' });
  expect(meter.offer([{ lane: '1:content', text: 'abcd' }]) ?? (await meter.resolve())).toEqual({ kind: 'fits' });
  const pieces = [
    { lane: '0:tool0', text: 'efgh' },
    { lane: '1:content', text: 'efghijkl' },
  ];
  expect(meter.offer(pieces) ?? (await meter.resolve())).toEqual({
    kind: 'cut',
    allowed: [
      { lane: '0:tool0', text: 'efgh' },
      { lane: '1:content', text: 'efgh' },
    ],
  });
  expect(await meter.total()).toEqual({ tokens: 4, exact: true, isRough: false, ratio: 1 });
});

it('bounds the text it keeps even without a cap', async () => {
  const cutText = toyCutText();
  const meter = streamMeter({ cap: Number.POSITIVE_INFINITY }, cutText);
  for (let count = 0; count < 30; count++) {
    const text = 'word '.repeat(2_000);
    if (meter.offer([{ lane: '0:content', text }]) === undefined) await meter.resolve();
  }
  expect(cutText.calls).toBeGreaterThan(3);
  expect(await meter.total()).toEqual({
    tokens: toyCount('word '.repeat(60_000)),
    exact: true,
    isRough: false,
    ratio: 1,
  });
});

it('counts a tail without a boundary again only when it has doubled', async () => {
  const cutText = toyCutText();
  const meter = streamMeter({ cap: Number.POSITIVE_INFINITY }, cutText);
  for (let event = 0; event < 20_000; event++) {
    if (meter.offer([{ lane: '0:content', text: 'aaaa' }]) === undefined) await meter.resolve();
  }
  expect(cutText.calls).toBe(3);
  expect(await meter.total()).toMatchObject({ tokens: 20_000 });
});

it('names the lanes that text was let through on', async () => {
  const meter = streamMeter({ cap: 1 }, toyCutText());
  meter.offer([{ lane: '0:reasoning', text: 'a' }]);
  expect(meter.lanes()).toEqual(['0:reasoning']);
  const pieces = [
    { lane: '0:content', text: 'b' },
    { lane: '1:content', text: 'c' },
  ];
  expect(meter.offer(pieces) ?? (await meter.resolve())).toEqual({ kind: 'cut', allowed: [] });
  expect(meter.lanes()).toEqual(['0:reasoning']);
});

it('says when a rule of thumb stood in for the vocabulary in any of its counts', async () => {
  const cutText = toyCutText();
  let isDown = true;
  const meter = streamMeter({ cap: 3 }, async (text, maxTokens, from) => {
    const cut = await cutText(text, maxTokens, from);
    return isDown ? { ...cut, exact: false, isRough: true } : cut;
  });
  if (meter.offer([{ lane: '0:content', text: 'abcd' }]) === undefined) await meter.resolve();
  isDown = false;
  expect(await meter.total()).toEqual({ tokens: 1, exact: false, isRough: true, ratio: 1 });
});

it('bounds tokens by bytes, and by the bytes of the composed form where that is longer', () => {
  expect(tokenBound('abc')).toBe(3);
  expect(tokenBound('你好')).toBe(6);
  expect(tokenBound('\u0958')).toBe(6);
});

it.each([0.5, 1.2, 4])('keeps to the cap when counts are multiplied by a learned ratio of %f', async (ratio) => {
  await fc.assert(
    fc.asyncProperty(textOf, fc.integer({ min: 1, max: 60 }), async (text, cap) => {
      const cut = async (part: string, maxTokens: number, from: number) => ({
        ...calibratedCut({ tokenizer: toyTokenizer, ratio }, part, maxTokens, from),
        exact: false,
        ratio,
      });
      const meter = streamMeter({ cap, tokensPerByte: 4 }, cut);
      let delivered = '';
      for (const piece of text) {
        const metered = meter.offer([{ lane: '0:content', text: piece }]) ?? (await meter.resolve());
        if (metered.kind === 'cut') break;
        delivered += piece;
      }
      // Parts are rounded up one by one, so that an estimate may be cut a little early, never late.
      expect(Math.ceil(toyCount(delivered) * ratio)).toBeLessThanOrEqual(cap);
    }),
    { numRuns: 300 },
  );
});
