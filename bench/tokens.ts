import { startProcess } from '../e2e/support/stack.ts';
import { BUILT_IN } from '../token-service/src/vocabularies/catalog.ts';
import { measureConversations } from './tokens/conversations.ts';
import { measureCounting, measureDeltas, SIZES } from './tokens/counting.ts';
import { o200kEngines, qwenEngines } from './tokens/engines.ts';
import { measureSmallCounts } from './tokens/small-counts.ts';
import { measureStreams } from './tokens/streams.ts';
import { naturalTexts } from './tokens/texts.ts';
import { measureVocabularies } from './tokens/vocabularies.ts';

/** Counting beside other libraries, the vocabularies, and what counting adds to streams, all in one run. */
export async function benchTokens(): Promise<void> {
  const texts = naturalTexts();
  const vocabulary = BUILT_IN.o200k_base.read();
  const o200k = { vocabulary: vocabulary.name, engines: o200kEngines(vocabulary), texts, sizes: SIZES };
  measureCounting(o200k);
  measureDeltas(o200k);
  const qwen = BUILT_IN.qwen.read();
  measureCounting({ vocabulary: qwen.name, engines: qwenEngines(qwen), texts, sizes: SIZES.slice(1, 3) });
  await measureVocabularies();
  measureConversations(vocabulary, texts);

  const service = await startProcess('token-service/src/main.ts', {
    TOKEN_SERVICE_PORT: '0',
    TOKEN_PRELOAD: 'o200k_base',
  });
  try {
    for (const kind of ['English', 'Chinese'] as const)
      await measureStreams(kind, texts[kind], { vocabulary, service });
    await measureSmallCounts(texts, service);
  } finally {
    await service.stop();
  }
}
