import { median, printHead, printRow, rounded } from '../figures.ts';
import type { Engine } from './engines.ts';
import { deltasOf, differentTexts, KINDS, oneText, type Texts } from './texts.ts';

export const SIZES: readonly number[] = (process.env.BENCH_SIZES_KB || '1,16,128,1024')
  .split(',')
  .map((size) => Number(size) * 1024);
const ROUNDS = Number(process.env.BENCH_ROUNDS || 9);
/** An engine that is slow has fewer rounds. */
const ENOUGH_MS = 400;
/** Small texts are counted so often per round that together they have this size. */
const BYTES_PER_ROUND = 32_768;
/** Different texts of one size have together about this size. */
const FRESH_BYTES = 393_216;
const MOST_FRESH = 64;
/** Where there are fewer texts, they come again after the caches were emptied again. */
const FEWEST_FRESH = 3;

type Engines = readonly [Engine, ...Engine[]];

/** What is compared: engines of one vocabulary, on texts of some sizes. */
export interface Comparison {
  readonly vocabulary: string;
  readonly engines: Engines;
  readonly texts: Texts;
  readonly sizes: readonly number[];
}

/** How fast engines count the same text again, and texts that they have not seen, side by side. */
export function measureCounting({ vocabulary, engines, texts, sizes }: Comparison): void {
  checkCounts(vocabulary, engines, texts);
  const columns = { names: ['text', 'size'], figures: ['ours µs', ...engines.map(({ name }) => name)] };
  printHead(`Counting in ${vocabulary}, MB/s, the same text again`, columns);
  for (const kind of KINDS)
    for (const bytes of sizes)
      printSpeeds([kind, sizeName(bytes)], bytes, warmUs(engines, oneText(texts[kind], bytes)));

  printHead(`Counting in ${vocabulary}, MB/s, a new text each time, caches empty at first`, columns);
  for (const kind of KINDS)
    for (const bytes of sizes) {
      const count = Math.min(MOST_FRESH, Math.max(FEWEST_FRESH, Math.floor(FRESH_BYTES / bytes)));
      const unseen = differentTexts(texts[kind], bytes, count);
      if (unseen.length > 0) printSpeeds([kind, sizeName(bytes)], bytes, freshUs(engines, unseen));
    }
}

/** What a delta of 3 to 20 characters costs when it is counted by itself. */
export function measureDeltas({ vocabulary, engines, texts }: Comparison): void {
  const names = ['deltas', 'caches'];
  printHead(`Counting deltas in ${vocabulary}, µs each`, { names, figures: engines.map(({ name }) => name) });
  for (const kind of KINDS) {
    const streams = differentTexts(texts[kind], 16_384, ROUNDS).map(deltasOf);
    const print = (caches: string, us: readonly (readonly number[])[]) =>
      printRow([kind, caches, ...us.map((rounds) => rounded(median(rounds)))]);
    for (const engine of engines) engine.forget();
    const fresh = engines.map((): number[] => []);
    for (const [round, deltas] of streams.entries())
      eachEngine(engines, round, (engine, index) => fresh[index]?.push(usEach(engine, deltas)));
    const warm = engines.map((): number[] => []);
    for (const [round, deltas] of streams.entries())
      eachEngine(engines, round, (engine, index) => warm[index]?.push(usEach(engine, deltas)));
    print('filled', warm);
    print('empty at first', fresh);
  }
}

/** Engines have to agree before they are compared; where they do not, that is printed. */
function checkCounts(vocabulary: string, engines: Engines, texts: Texts): void {
  for (const kind of KINDS) {
    const text = oneText(texts[kind], 131_072);
    const samples = [text, ...differentTexts(texts[kind], 4_096, 32), ...deltasOf(text).slice(0, 2_000)];
    for (const sample of samples) {
      const counts = engines.map(({ name, count }) => ({ name, tokens: count(sample) }));
      if (counts.every(({ tokens }) => tokens === counts[0]?.tokens)) continue;
      const found = counts.map(({ name, tokens }) => `${name} ${tokens}`).join(', ');
      process.stdout.write(`\n${vocabulary}, ${kind}, ${JSON.stringify(sample.slice(0, 40))}…: ${found}\n`);
    }
  }
}

/** µs of one count, for each engine and round. */
function warmUs(engines: Engines, text: string): number[][] {
  const repeats = Math.max(1, Math.floor(BYTES_PER_ROUND / Buffer.byteLength(text)));
  const same = new Array<string>(repeats).fill(text);
  const times = engines.map((): number[] => []);
  const spentMs = engines.map(() => 0);
  for (const { count } of engines) count(text);
  for (let round = 0; round < ROUNDS; round++)
    eachEngine(engines, round, (engine, index) => {
      if ((spentMs[index] ?? 0) > ENOUGH_MS) return;
      const us = usEach(engine, same);
      times[index]?.push(us);
      spentMs[index] = (spentMs[index] ?? 0) + (us * repeats) / 1000;
    });
  return times;
}

function freshUs(engines: Engines, texts: readonly string[]): number[][] {
  const times = engines.map((): number[] => []);
  const passes = texts.length < FEWEST_FRESH ? FEWEST_FRESH : 1;
  for (let pass = 0; pass < passes; pass++) {
    for (const engine of engines) engine.forget();
    for (const [round, text] of texts.entries())
      eachEngine(engines, pass + round, (engine, index) => times[index]?.push(usEach(engine, [text])));
  }
  return times;
}

/** Each round begins with another engine. */
function eachEngine(engines: Engines, round: number, measure: (engine: Engine, index: number) => void): void {
  for (let step = 0; step < engines.length; step++) {
    const index = (round + step) % engines.length;
    measure(engines[index] ?? engines[0], index);
  }
}

function usEach({ count }: Engine, texts: readonly string[]): number {
  const startedMs = performance.now();
  for (const text of texts) count(text);
  return ((performance.now() - startedMs) * 1000) / texts.length;
}

function printSpeeds(names: readonly string[], bytes: number, times: readonly (readonly number[])[]): void {
  const us = times.map(median);
  printRow([...names, rounded(us[0] ?? Number.NaN), ...us.map((each) => rounded(bytes / each))]);
}

function sizeName(bytes: number): string {
  return bytes >= 1_048_576 ? `${bytes / 1_048_576} MB` : `${bytes / 1024} KB`;
}
