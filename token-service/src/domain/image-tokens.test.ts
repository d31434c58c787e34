import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IMAGE_FORMULAS, type ImageFormula, imageTokens, openAiImageFormula } from './image-tokens.ts';
import type { ImageDetail } from './prompt.ts';

function png(width: number, height: number): string {
  const head = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\0\0\x08\x06\0\0\0', 'latin1');
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return `data:image/png;base64,${head.toString('base64')}`;
}

function tokens(formula: ImageFormula, size: string, detail?: ImageDetail): number {
  const [width = 0, height = 0] = size.split('x').map(Number);
  return imageTokens(formula, { url: png(width, height), detail }).tokens;
}

/** Patches before the multiplier, with the limits of a model. */
function patchesOf(model: string, size: string, detail: ImageDetail = 'high'): number {
  return tokens({ ...openAiImageFormula(model), hundredthsPerPatch: 100 } as ImageFormula, size, detail);
}

describe("OpenAI's tiles", () => {
  it.each([
    ['1024x1024', 'high', 765],
    ['2048x4096', 'high', 1_105],
    ['4096x8192', 'low', 85],
  ] as const)("gives the guide's tokens for %s, %s", (size, detail, expected) => {
    expect(tokens(openAiImageFormula('gpt-4o'), size, detail)).toBe(expected);
  });

  it.each([
    ['2049x513', 1_445],
    ['2050x513', 765],
    ['128x64', 255],
  ])('gives what users of the API measured for %s', (size, expected) => {
    expect(tokens(openAiImageFormula('gpt-4.1'), size, 'high')).toBe(expected);
  });

  it('counts auto and no detail as high, and low without looking at the image', () => {
    const formula = openAiImageFormula('gpt-4o');
    expect(tokens(formula, '1024x1024', 'auto')).toBe(765);
    expect(imageTokens(formula, { url: png(1_024, 1_024), detail: undefined })).toEqual({ tokens: 765, exact: true });
    expect(imageTokens(formula, { url: 'https://example.com/a.png', detail: 'low' })).toEqual({
      tokens: 85,
      exact: true,
    });
  });

  it.each([
    ['gpt-4o-mini', 2_833, 8_500],
    ['gpt-4.5-preview', 85, 255],
    ['o1', 75, 225],
    ['o1-pro', 75, 225],
    ['o3-2025-04-16', 75, 225],
    ['computer-use-preview', 65, 194],
    ['gpt-5', 70, 210],
    ['gpt-5-chat-latest', 70, 210],
    ['gpt-5.1', 70, 210],
  ])("has %s's base and tile", (model, low, oneTile) => {
    expect(tokens(openAiImageFormula(model), '512x512', 'low')).toBe(low);
    expect(tokens(openAiImageFormula(model), '512x512', 'high')).toBe(oneTile);
  });
});

describe("OpenAI's patches", () => {
  it('gives the patches of both editions of the guide', () => {
    expect(patchesOf('o4-mini', '1024x1024')).toBe(1_024);
    expect(patchesOf('o4-mini', '1800x2400')).toBe(1_452);
    expect(patchesOf('gpt-5.4', '1024x1024')).toBe(1_024);
    expect(patchesOf('gpt-5.4', '2048x2048')).toBe(2_500);
    expect(tokens(openAiImageFormula('gpt-5.4'), '1024x1024', 'high')).toBe(1_229);
    expect(tokens(openAiImageFormula('gpt-5.4'), '2048x2048', 'high')).toBe(3_000);
  });

  it.each([
    ['256x256', 77],
    ['512x512', 308],
    ['768x1024', 922],
    ['1280x720', 1_104],
    ['1024x1024', 1_229],
    ['2048x768', 1_844],
  ])('gives what users of the API measured for gpt-5-mini and %s', (size, expected) => {
    expect(tokens(openAiImageFormula('gpt-5-mini'), size)).toBe(expected);
  });

  it('fits the longest side first: 4000 x 1474 was billed as 1536 patches', () => {
    expect(patchesOf('gpt-4.1-mini', '4000x1474')).toBe(1_536);
  });

  it('has the limits of each detail', () => {
    expect(
      ['low', 'high', 'original', 'auto'].map((detail) => patchesOf('gpt-5.4', '4096x4096', detail as 'low')),
    ).toEqual([4_096, 2_500, 10_000, 2_500]);
    expect(
      ['low', 'high', 'original', 'auto'].map((detail) => patchesOf('gpt-5.6', '4096x4096', detail as 'low')),
    ).toEqual([256, 2_500, 16_384, 16_384]);
    expect(patchesOf('gpt-5.5', '8192x4096', 'auto')).toBeLessThanOrEqual(10_000);
  });

  it.each([
    ['gpt-4.1-mini-2025-04-14', 162],
    ['gpt-4.1-nano', 246],
    ['o4-mini', 172],
    ['gpt-5-mini', 120],
    ['gpt-5-nano', 150],
    ['gpt-5.2', 120],
    ['gpt-5.4-nano', 120],
    ['gpt-5.5', 120],
    ['gpt-5.6-luna', 120],
  ])("has %s's multiplier", (model, expected) => {
    expect(tokens(openAiImageFormula(model), '320x320')).toBe(expected);
  });

  it('is never exact, since bills can differ by one token', () => {
    expect(imageTokens(openAiImageFormula('gpt-5.4'), { url: png(32, 32), detail: 'high' })).toEqual({
      tokens: 2,
      exact: false,
    });
  });

  it('never has more patches than the limit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 10_000 }), (width, height) => {
        const patches = patchesOf('o4-mini', `${width}x${height}`);
        expect(patches).toBeGreaterThan(0);
        expect(patches).toBeLessThanOrEqual(1_536);
      }),
    );
  });
});

describe('Anthropic', () => {
  it.each([
    ['200x200', 64, 64],
    ['1000x1000', 1_296, 1_296],
    ['1092x1092', 1_521, 1_521],
    ['1920x1080', 1_560, 2_691],
    ['2000x1500', 1_564, 3_888],
    ['3840x2160', 1_560, 4_784],
  ])("gives the documentation's tokens for %s", (size, standard, highResolution) => {
    expect(tokens(IMAGE_FORMULAS.anthropic, size)).toBe(standard);
    expect(tokens(IMAGE_FORMULAS.anthropicHighResolution, size)).toBe(highResolution);
  });

  it('scales the A4 page of the documentation down to 924 x 1307, a high-resolution model does not', () => {
    expect(tokens(IMAGE_FORMULAS.anthropic, '1075x1520')).toBe(Math.ceil(924 / 28) * Math.ceil(1_307 / 28));
    expect(tokens(IMAGE_FORMULAS.anthropicHighResolution, '1075x1520')).toBe(39 * 55);
  });

  it('resizes none of the five sizes that were the largest of their shape in the edition before', () => {
    for (const [width, height] of [
      [1_092, 1_092],
      [951, 1_268],
      [896, 1_344],
      [819, 1_456],
      [784, 1_568],
    ] as const) {
      const expected = Math.ceil(width / 28) * Math.ceil(height / 28);
      expect(tokens(IMAGE_FORMULAS.anthropic, `${width}x${height}`)).toBe(expected);
    }
  });

  it('keeps within the limits for every shape', () => {
    const side = fc.integer({ min: 1, max: 8_000 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const counted = tokens(IMAGE_FORMULAS.anthropic, `${width}x${height}`);
        expect(counted).toBe(tokens(IMAGE_FORMULAS.anthropic, `${height}x${width}`));
        expect(counted).toBeGreaterThan(0);
        expect(counted).toBeLessThanOrEqual(1_568);
      }),
    );
  });
});

describe('Gemini', () => {
  it.each([
    ['384x384', 258, true],
    ['960x540', 6 * 258, false],
    ['1920x1080', 6 * 258, false],
    ['385x100', 2 * 258, false],
  ])("gives the documentation's tokens for %s", (size, expected, exact) => {
    const [width = 0, height = 0] = size.split('x').map(Number);
    expect(imageTokens(IMAGE_FORMULAS.gemini, { url: png(width, height), detail: undefined })).toEqual({
      tokens: expected,
      exact,
    });
  });
});

describe('Qwen-VL', () => {
  it("counts the demo picture of Qwen's documents (2048 x 1365) as 73 x 49 squares and two marks", () => {
    expect(tokens(IMAGE_FORMULAS.qwen2Vl, '2048x1365')).toBe((98 * 146) / 4 + 2);
  });

  it('and with the limit of 1280 tokens as the 1247 that the answers in those documents report, and two marks', () => {
    expect(tokens({ kind: 'qwen-vl', side: 28, minPixels: 4 * 784, maxPixels: 1_280 * 784 }, '2048x1365')).toBe(1_249);
  });

  it("gives the sizes of the image processor's tests", () => {
    expect(tokens(IMAGE_FORMULAS.qwen2Vl, '100x100')).toBe((8 * 8) / 4 + 2);
    expect(tokens({ ...IMAGE_FORMULAS.qwen2Vl, maxPixels: 1_280 * 784 }, '3000x4000')).toBe((60 * 82) / 4 + 2);
  });

  it('rounds as Python does and enlarges small images', () => {
    expect(tokens(IMAGE_FORMULAS.qwen2Vl, '70x280')).toBe(2 * 10 + 2);
    expect(tokens(IMAGE_FORMULAS.qwen2Vl, '10x10')).toBe(4 + 2);
    expect(tokens(IMAGE_FORMULAS.qwen3Vl, '10x10')).toBe(64 + 2);
    expect(tokens(IMAGE_FORMULAS.qwen3Vl, '1024x1024')).toBe(1_024 + 2);
  });

  it('is not exact for images that the processor refuses', () => {
    expect(imageTokens(IMAGE_FORMULAS.qwen2Vl, { url: png(6_000, 20), detail: undefined }).exact).toBe(false);
    expect(imageTokens(IMAGE_FORMULAS.qwen2Vl, { url: png(600, 20), detail: undefined }).exact).toBe(true);
  });
});

describe('imageTokens', () => {
  it.each(Object.entries(IMAGE_FORMULAS))(
    'assumes 1024 x 1024 for an image that it cannot see (%s)',
    (_name, formula) => {
      const { tokens: assumed } = imageTokens(formula, { url: png(1_024, 1_024), detail: undefined });
      expect(imageTokens(formula, { url: 'https://example.com/a.png', detail: undefined })).toEqual({
        tokens: assumed,
        exact: false,
      });
    },
  );

  it('counts as gpt-4o does where no formula is published', () => {
    expect(imageTokens(IMAGE_FORMULAS.none, { url: png(1_024, 1_024), detail: 'high' })).toEqual({
      tokens: 765,
      exact: false,
    });
    expect(tokens(IMAGE_FORMULAS.none, '1024x1024', 'low')).toBe(85);
  });

  it('gives a whole number of tokens for any size and formula', () => {
    const formulas = [...Object.values(IMAGE_FORMULAS), openAiImageFormula('gpt-4o'), openAiImageFormula('gpt-5.6')];
    const side = fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 4_294_967_295 }));
    fc.assert(
      fc.property(fc.constantFrom(...formulas), side, side, (formula, width, height) => {
        const counted = tokens(formula, `${width}x${height}`);
        expect(Number.isSafeInteger(counted) && counted > 0).toBe(true);
      }),
    );
  });
});

describe('openAiImageFormula', () => {
  it.each([
    ['gpt-4o', 'openai-tiles'],
    ['gpt-4o-2024-08-06', 'openai-tiles'],
    ['chatgpt-4o-latest', 'openai-tiles'],
    ['gpt-4-turbo-preview', 'openai-tiles'],
    ['gpt-5.1-chat-latest', 'openai-tiles'],
    ['gpt-5-mini-2025-08-07', 'openai-patches'],
    ['gpt-5-codex', 'none'],
    ['gpt-3.5-turbo', 'none'],
    ['constructor', 'none'],
  ])('%s counts by %s', (model, kind) => {
    expect(openAiImageFormula(model).kind).toBe(kind);
  });
});
