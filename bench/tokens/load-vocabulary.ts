import { packVocabulary, tokenizerOf, unpackVocabulary } from '@ai-gateway/tokenizer';
import { BUILT_IN, type BuiltInName } from '../../token-service/src/vocabularies/catalog.ts';
import { median } from '../figures.ts';
import { differentTexts, naturalTexts } from './texts.ts';

/** What one vocabulary costs and how fast it counts. */
export interface VocabularyFigures {
  readonly tokens: number;
  readonly readMs: number;
  readonly packMs: number;
  readonly unpackMs: number;
  readonly packedBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly english: Speed;
  readonly chinese: Speed;
}

/** MB/s of a text that is new, and of the same again. */
interface Speed {
  readonly fresh: number;
  readonly warm: number;
}

const BYTES = 131_072;
const REPEATS = 9;
const WARM_UP = 12;

/** Run as a process of its own with --expose-gc, so that nothing else is in its memory. */
const [, , name] = process.argv;
process.stdout.write(JSON.stringify(await figuresOf(name as BuiltInName)));

async function figuresOf(builtIn: BuiltInName): Promise<VocabularyFigures> {
  const { packed, tokens, ...times } = readAndPack(builtIn);
  const texts = naturalTexts();
  const before = memory();
  const startedMs = performance.now();
  const vocabulary = await unpackVocabulary(packed);
  const tokenizer = tokenizerOf(vocabulary);
  const unpackMs = performance.now() - startedMs;
  const after = memory();
  const figures = {
    ...times,
    tokens,
    unpackMs,
    packedBytes: packed.length,
    heapBytes: after.heap - before.heap,
    externalBytes: after.external - before.external,
  };
  // For the compiler, with texts of another kind.
  for (const text of differentTexts(texts.code, BYTES, WARM_UP)) tokenizer.count(text);
  const speedOf = (stretches: readonly string[]): Speed => {
    const unused = tokenizerOf(vocabulary);
    const [text = ''] = differentTexts(stretches, BYTES, 1);
    const fresh = speed(() => unused.count(text));
    return { fresh, warm: median(Array.from({ length: REPEATS }, () => speed(() => unused.count(text)))) };
  };
  return { ...figures, english: speedOf(texts.English), chinese: speedOf(texts.Chinese) };
}

function readAndPack(builtIn: BuiltInName) {
  const startedMs = performance.now();
  const vocabulary = BUILT_IN[builtIn].read();
  const readMs = performance.now() - startedMs;
  const packed = packVocabulary(vocabulary);
  return { packed, tokens: vocabulary.ranks.size, readMs, packMs: performance.now() - startedMs - readMs };
}

function speed(count: () => number): number {
  const startedMs = performance.now();
  count();
  return BYTES / (performance.now() - startedMs) / 1000;
}

function memory(): { readonly heap: number; readonly external: number } {
  for (let round = 0; round < 4; round++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed, external };
}
