import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BUILT_IN } from '../../token-service/src/vocabularies/catalog.ts';
import { printHead, printRow, rounded } from '../figures.ts';
import type { VocabularyFigures } from './load-vocabulary.ts';

const run = promisify(execFile);
const LOADER = fileURLToPath(new URL('./load-vocabulary.ts', import.meta.url));

const FIGURES = [
  'tokens',
  'from package ms',
  'pack ms',
  'unpack ms',
  'packed MB',
  'heap MB',
  'external MB',
  'English MB/s, new',
  'again',
  'Chinese MB/s, new',
  'again',
];

/** What each built-in vocabulary takes: time to load, memory, and its speed; each in a process of its own. */
export async function measureVocabularies(): Promise<void> {
  printHead('Built-in vocabularies', { names: ['vocabulary'], figures: FIGURES });
  for (const name of Object.keys(BUILT_IN)) {
    const { stdout } = await run(process.execPath, ['--expose-gc', LOADER, name]);
    const figures = JSON.parse(stdout) as VocabularyFigures;
    const { english, chinese } = figures;
    const ms = [figures.readMs, figures.packMs, figures.unpackMs].map((time) => time.toFixed(0));
    const megabytes = [figures.packedBytes, figures.heapBytes, figures.externalBytes].map((bytes) =>
      rounded(bytes / 1e6),
    );
    const speeds = [english.fresh, english.warm, chinese.fresh, chinese.warm].map(rounded);
    printRow([name, String(figures.tokens), ...ms, ...megabytes, ...speeds]);
  }
}
