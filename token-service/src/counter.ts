import type { CalculateRequest, CalculateResponse, CutRequest, CutResponse } from '@ai-gateway/contracts';
import { familyOf } from './domain/choose-vocabulary.ts';
import { countChat } from './domain/count-chat.ts';
import { cutText } from './domain/cut-text.ts';
import { tokenizerOf } from './tokenizers/tiktoken.ts';

/** A question that is CPU-bound to answer, in the form in which it also travels to a worker. */
export type Question =
  | { readonly kind: 'calculate'; readonly request: CalculateRequest }
  | { readonly kind: 'cut'; readonly request: CutRequest };

/** Answers a question on the calling thread. */
export function answer(question: Question): CalculateResponse | CutResponse {
  return question.kind === 'cut' ? cut(question.request) : calculate(question.request);
}

function calculate(request: CalculateRequest): CalculateResponse {
  const model = 'messages' in request ? request.model : request.model_name;
  const family = familyOf(model);
  const { count } = tokenizerOf(family.vocabulary);
  const counted =
    'messages' in request
      ? countChat(family, request.messages, request.tools, count)
      : { tokens: count(request.text), exact: family.isExactText };
  return { success: true, token_count: counted.tokens, model, exact: counted.exact, vocabulary: family.vocabulary };
}

function cut({ model, text, max_tokens, from }: CutRequest): CutResponse {
  const family = familyOf(model);
  const found = cutText(tokenizerOf(family.vocabulary), text, max_tokens, from);
  return {
    success: true,
    token_count: found.tokens,
    fits: found.fits,
    cut_at: found.cutAt,
    cut_tokens: found.cutTokens,
    final_at: found.finalAt,
    final_tokens: found.finalTokens,
    exact: family.isExactText,
    vocabulary: family.vocabulary,
  };
}
