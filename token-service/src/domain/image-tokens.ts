import { type ImageSize, imageSizeOf } from './image-size.ts';
import type { ChatCount, ImageDetail, ImageInput } from './prompt.ts';

/** How a family of models counts an image; sides in pixels. */
export type ImageFormula =
  | { readonly kind: 'openai-tiles'; readonly base: number; readonly perTile: number }
  | {
      readonly kind: 'openai-patches';
      /** The published multiplier times 100, so that 1.62 does not become 1.6200000000000001. */
      readonly hundredthsPerPatch: number;
      readonly limits: Readonly<Record<ImageDetail, PatchLimits>>;
    }
  | { readonly kind: 'anthropic'; readonly maxSide: number; readonly maxTokens: number }
  | { readonly kind: 'gemini' }
  | {
      readonly kind: 'qwen-vl';
      /** Side of the square that becomes one token. */
      readonly side: number;
      readonly minPixels: number;
      readonly maxPixels: number;
    }
  | { readonly kind: 'none' };

interface PatchLimits {
  readonly maxSide: number;
  readonly maxPatches: number;
}

/** The formulas that whole families share; OpenAI's are chosen by `openAiImageFormula`. */
export const IMAGE_FORMULAS = {
  /** Claude's "standard resolution tier" (Anthropic, "Vision"). */
  anthropic: { kind: 'anthropic', maxSide: 1_568, maxTokens: 1_568 },
  /** Claude's "high-resolution tier": Opus 4.7 and later models. */
  anthropicHighResolution: { kind: 'anthropic', maxSide: 2_576, maxTokens: 4_784 },
  /** Gemini 1.5 to 2.5; Gemini 3 counts by `media_resolution` instead. */
  gemini: { kind: 'gemini' },
  /** Qwen2-VL and Qwen2.5-VL with the pixel limits of their preprocessor_config.json. */
  qwen2Vl: { kind: 'qwen-vl', side: 28, minPixels: 3_136, maxPixels: 12_845_056 },
  /** Qwen3-VL and Qwen3.5 with the pixel limits of their preprocessor_config.json. */
  qwen3Vl: { kind: 'qwen-vl', side: 32, minPixels: 65_536, maxPixels: 16_777_216 },
  /** No formula is published. */
  none: { kind: 'none' },
} as const satisfies Readonly<Record<string, ImageFormula>>;

/** Assumed of images whose size cannot be read: the size that most examples of the documents have. */
const ASSUMED_SIZE: ImageSize = { width: 1_024, height: 1_024 };

/**
 * Tokens of one image. Not exact where its size is not known (1024 x 1024 is assumed), where the document itself calls
 * its formula approximate, and for `none`, which counts as gpt-4o does.
 */
export function imageTokens(formula: ImageFormula, { url, detail }: ImageInput): ChatCount {
  // The size does not matter then; all other formulas need it.
  if (formula.kind === 'openai-tiles' && detail === 'low') return { tokens: formula.base, exact: true };

  const size = imageSizeOf(url);
  const counted = tokensOf(formula, size ?? ASSUMED_SIZE, detail ?? 'auto');
  return { tokens: counted.tokens, exact: counted.exact && size !== undefined };
}

function tokensOf(formula: ImageFormula, size: ImageSize, detail: ImageDetail): ChatCount {
  switch (formula.kind) {
    case 'openai-tiles':
      return { tokens: formula.base + formula.perTile * openAiTiles(size), exact: true };
    case 'openai-patches':
      return {
        tokens: Math.ceil((openAiPatches(size, formula.limits[detail]) * formula.hundredthsPerPatch) / 100),
        // The guide warns that the bill can differ by one token.
        exact: false,
      };
    case 'anthropic':
      return { tokens: anthropicPatches(size, formula), exact: true };
    case 'gemini':
      return geminiTokens(size);
    case 'qwen-vl':
      return qwenTokens(size, formula);
    case 'none':
      return { ...imageTokensOfGpt4o(size, detail), exact: false };
    default:
      return formula satisfies never;
  }
}

function imageTokensOfGpt4o(size: ImageSize, detail: ImageDetail): ChatCount {
  return detail === 'low' ? { tokens: GPT_4O.base, exact: true } : tokensOf(GPT_4O, size, detail);
}

/**
 * OpenAI, "Images and vision", tile-based tokenization: scaled down to fit 2048 x 2048 (rounded), then until the
 * shortest side is 768 (the other rounded down), then the 512 x 512 squares that cover it. `auto` is `high`.
 */
function openAiTiles(size: ImageSize): number {
  const { width, height } = fitWithin(size, 2_048);
  const short = Math.min(width, height);
  const long = Math.max(width, height);
  const isLarge = short > 768;
  const rows = Math.ceil((isLarge ? 768 : short) / 512);
  return rows * Math.ceil((isLarge ? Math.floor((long * 768) / short) : long) / 512);
}

/**
 * OpenAI, "Images and vision", patch-based tokenization: scaled down to the longest side (rounded) and then, if 32 x 32
 * patches that cover it are too many, by the document's shrink factors (rounded down).
 */
function openAiPatches(size: ImageSize, { maxSide, maxPatches }: PatchLimits): number {
  const { width, height } = fitWithin(size, maxSide);
  const patches = squaresOver({ width, height }, 32);
  if (patches <= maxPatches) return patches;

  const shrink = Math.sqrt((32 * 32 * maxPatches) / (width * height));
  const columns = (width * shrink) / 32;
  const rows = (height * shrink) / 32;
  const adjusted = shrink * Math.min(Math.floor(columns) / columns, Math.floor(rows) / rows);
  return Math.min(
    maxPatches,
    squaresOver({ width: Math.floor(width * adjusted), height: Math.floor(height * adjusted) }, 32),
  );
}

/**
 * Anthropic, "Vision" and "Coordinates and bounding boxes": one token for each patch of 28 x 28. Scaled down to the
 * largest size of the same shape whose sides, filled up to whole patches, and patches are within the limits.
 */
function anthropicPatches(size: ImageSize, limits: { readonly maxSide: number; readonly maxTokens: number }): number {
  const long = Math.max(size.width, size.height);
  const short = Math.min(size.width, size.height);
  if (Math.ceil(long / 28) * 28 <= limits.maxSide && squaresOver(size, 28) <= limits.maxTokens) {
    return squaresOver(size, 28);
  }
  for (let width = Math.min(long - 1, limits.maxSide); width > 1; width--) {
    const height = Math.max(1, roundHalfEven((width * short) / long));
    const patches = squaresOver({ width, height }, 28);
    if (patches <= limits.maxTokens) return patches;
  }
  return 1;
}

/**
 * Google, "Image understanding": 258 tokens up to 384 x 384; else for each tile, whose side is the shortest one divided
 * by 1.5, at least 256 and at most 768. The document calls the number of tiles approximate.
 */
function geminiTokens(size: ImageSize): ChatCount {
  const { width, height } = size;
  if (width <= 384 && height <= 384) return { tokens: 258, exact: true };

  const side = Math.min(768, Math.max(256, Math.floor(Math.min(width, height) / 1.5)));
  return { tokens: 258 * squaresOver(size, side), exact: false };
}

/**
 * Qwen's image processor ("smart resize"; Alibaba Cloud Model Studio, "Visual understanding"): both sides become
 * multiples of one token's side, within the limits of pixels, and two tokens mark the image's start and end. It refuses
 * images more than 200 times as long as wide.
 */
function qwenTokens(size: ImageSize, { side, minPixels, maxPixels }: ImageFormula & { kind: 'qwen-vl' }): ChatCount {
  const { width, height } = size;
  const columns = Math.max(1, roundHalfEven(width / side));
  const rows = Math.max(1, roundHalfEven(height / side));
  const exact = Math.max(width, height) <= 200 * Math.min(width, height);
  const pixels = columns * rows * side * side;
  if (pixels > maxPixels) {
    const shrink = Math.sqrt((width * height) / maxPixels);
    const fit = (length: number) => Math.max(1, Math.floor(length / shrink / side));
    return { tokens: 2 + fit(width) * fit(height), exact };
  }
  if (pixels < minPixels) {
    const grow = Math.sqrt(minPixels / (width * height));
    return { tokens: 2 + Math.ceil((width * grow) / side) * Math.ceil((height * grow) / side), exact };
  }
  return { tokens: 2 + columns * rows, exact };
}

/** The size scaled down until no side is longer; never enlarged. */
function fitWithin(size: ImageSize, maxSide: number): ImageSize {
  const { width, height } = size;
  const long = Math.max(width, height);
  if (long <= maxSide) return size;
  const fit = (side: number) => Math.max(1, Math.round((side * maxSide) / long));
  return { width: fit(width), height: fit(height) };
}

function squaresOver({ width, height }: ImageSize, side: number): number {
  return Math.ceil(width / side) * Math.ceil(height / side);
}

/** Rounds as Python does, which the providers' image code is written in: 2.5 becomes 2. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 && floor % 2 === 0 ? floor : Math.round(value);
}

const GPT_4O = { kind: 'openai-tiles', base: 85, perTile: 170 } as const;
const GPT_5 = { kind: 'openai-tiles', base: 70, perTile: 140 } as const;
const O_SERIES = { kind: 'openai-tiles', base: 75, perTile: 150 } as const;

const UP_TO_1536 = sameFor({ maxSide: 2_048, maxPatches: 1_536 });
const UP_TO_6144 = sameFor({ maxSide: 2_048, maxPatches: 6_144 });
const HIGH: PatchLimits = { maxSide: 2_048, maxPatches: 2_500 };
const ORIGINAL: PatchLimits = { maxSide: 6_000, maxPatches: 10_000 };
const UNLIMITED: PatchLimits = { maxSide: 65_535, maxPatches: Number.POSITIVE_INFINITY };
const LOW: PatchLimits = { maxSide: 512, maxPatches: 256 };
const GPT_54 = patches(120, { low: UP_TO_6144.low, high: HIGH, original: ORIGINAL, auto: HIGH });
const GPT_55 = patches(120, { low: LOW, high: HIGH, original: ORIGINAL, auto: ORIGINAL });
const GPT_56 = patches(120, { low: LOW, high: HIGH, original: UNLIMITED, auto: UNLIMITED });

/**
 * OpenAI, "Images and vision", by bare name: the edition that lists gpt-5.6. Models that it no longer sizes (gpt-4.5,
 * gpt-4.1-nano, computer-use-preview, gpt-5-mini and -nano, o4-mini) have the limits of the edition before. That one
 * gave gpt-5-mini and gpt-5-nano the multipliers 1.62 and 2.46, which the newer one corrects.
 */
const OPENAI_FORMULAS: ReadonlyMap<string, ImageFormula> = new Map<string, ImageFormula>([
  ['gpt-4-turbo', GPT_4O],
  ['gpt-4-vision', GPT_4O],
  ['gpt-4o', GPT_4O],
  ['chatgpt-4o', GPT_4O],
  ['gpt-4.1', GPT_4O],
  ['gpt-4.5', GPT_4O],
  ['gpt-4o-mini', { kind: 'openai-tiles', base: 2_833, perTile: 5_667 }],
  ['o1', O_SERIES],
  ['o1-pro', O_SERIES],
  ['o3', O_SERIES],
  ['computer-use', { kind: 'openai-tiles', base: 65, perTile: 129 }],
  ['gpt-5', GPT_5],
  ['gpt-5-chat', GPT_5],
  ['gpt-5.1', GPT_5],
  ['gpt-5.1-chat', GPT_5],
  ['gpt-4.1-mini', patches(162, UP_TO_6144)],
  ['gpt-4.1-nano', patches(246, UP_TO_1536)],
  ['o4-mini', patches(172, UP_TO_1536)],
  ['gpt-5-mini', patches(120, UP_TO_1536)],
  ['gpt-5-nano', patches(150, UP_TO_1536)],
  ['gpt-5.2', patches(120, UP_TO_6144)],
  ['gpt-5.4', GPT_54],
  ['gpt-5.4-mini', GPT_54],
  ['gpt-5.4-nano', GPT_54],
  ['gpt-5.5', GPT_55],
  ['gpt-5.6', GPT_56],
  ['gpt-5.6-sol', GPT_56],
  ['gpt-5.6-terra', GPT_56],
  ['gpt-5.6-luna', GPT_56],
]);

/** OpenAI's formula of a bare lower-case model name, whose date, `-latest` or `-preview` does not matter. */
export function openAiImageFormula(model: string): ImageFormula {
  const name = model.replace(/-(latest|preview)$/, '').replace(/(-preview)?-\d{4}-?\d{2}-?\d{2}$/, '');
  return OPENAI_FORMULAS.get(name) ?? IMAGE_FORMULAS.none;
}

function patches(hundredthsPerPatch: number, limits: Readonly<Record<ImageDetail, PatchLimits>>): ImageFormula {
  return { kind: 'openai-patches', hundredthsPerPatch, limits };
}

/** Limits of models that resize every image alike. */
function sameFor(limits: PatchLimits): Readonly<Record<ImageDetail, PatchLimits>> {
  return { low: limits, high: limits, original: limits, auto: limits };
}
