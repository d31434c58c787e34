import { calibratedCut, isQuicklyCounted } from '@ai-gateway/tokenizer';
import type { TokenCounter } from '../services.ts';
import type { VocabularyFeed } from './vocabulary-feed.ts';

/**
 * Counts output in this process where the model's vocabulary is here and the text is quickly counted; all else is asked
 * of the token service, which is the authority for inputs too. No request waits for a vocabulary.
 */
export function vocabularyTokenCounter(vocabularies: Pick<VocabularyFeed, 'of'>, service: TokenCounter): TokenCounter {
  return {
    countChat: (model, prompt) => service.countChat(model, prompt),
    tokensPerByte: (model) => (vocabularies.of(model)?.exact === true ? 1 : service.tokensPerByte(model)),
    async cut(model, text, maxTokens, from) {
      const known = vocabularies.of(model);
      if (known === undefined || !isQuicklyCounted(text)) return service.cut(model, text, maxTokens, from);
      return { ...calibratedCut(known, text, maxTokens, from), exact: known.exact, ratio: known.ratio };
    },
  };
}
