import { tokenizerOf, type Vocabulary } from '@ai-gateway/tokenizer';
import { cachedCount } from '../../token-service/src/domain/cached-count.ts';
import { median, printHead, printRow, rounded } from '../figures.ts';
import { differentTexts, KINDS, type Texts } from './texts.ts';

const TURNS = 100;
const TURN_BYTES = 1_024;
const CONVERSATIONS = 5;
/** Figures are medians of the turns up to these of all conversations, as many turns as `WINDOW`. */
const SHOWN = [10, 25, 50, 100];
const WINDOW = 5;

/** A conversation that grows with every turn and is counted whole each time, with and without the prefix cache. */
export function measureConversations(vocabulary: Vocabulary, texts: Texts): void {
  printHead(`A conversation that grows by 1 KB per turn, counted in ${vocabulary.name}, µs per count`, {
    names: ['text', 'counted'],
    figures: [...SHOWN.map((turn) => `at ${turn} KB`), 'mean of all turns'],
  });
  for (const kind of KINDS) {
    // Each way has its own memory of pieces, filled as a service's is: by other texts of the kind.
    const plain = tokenizerOf(vocabulary);
    const cached = tokenizerOf(vocabulary);
    const cache = cachedCount();
    const ways = [
      { name: 'whole', count: (text: string) => plain.count(text), us: [] as number[][] },
      { name: 'with the cache', count: (text: string) => cache.count(cached, text), us: [] as number[][] },
    ];
    for (const conversation of differentTexts(texts[kind], TURNS * TURN_BYTES, CONVERSATIONS)) {
      for (const way of ways) way.us.push(grown(conversation, way.count));
    }
    for (const { name, us } of ways) printRow([kind, name, ...figuresOf(us)]);
  }
}

/** µs of the count at each turn. */
function grown(conversation: string, count: (text: string) => number): number[] {
  return Array.from({ length: TURNS }, (_, turn) => {
    // Read from bytes, as a service has it: not a slice of a string that is in memory already.
    const text = Buffer.from(conversation.slice(0, (conversation.length * (turn + 1)) / TURNS)).toString();
    const startedMs = performance.now();
    count(text);
    return (performance.now() - startedMs) * 1000;
  });
}

function figuresOf(conversations: readonly (readonly number[])[]): string[] {
  const shown = SHOWN.map((turn) => median(conversations.flatMap((us) => us.slice(turn - WINDOW, turn))));
  const all = conversations.flat();
  return [...shown, all.reduce((sum, us) => sum + us, 0) / all.length].map(rounded);
}
