import {
  type CalculateRequest,
  type CalculateResponse,
  type Calibration,
  type CutRequest,
  type CutResponse,
  calculateRequest,
  cutRequest,
  type ModelFamily,
  type TokenizeRequest,
  type TokenizeResponse,
  tokenizeRequest,
} from '@ai-gateway/contracts';
import { type Calibrated, calibrated, calibratedCut } from '@ai-gateway/tokenizer';
import type { CachedCount } from './domain/cached-count.ts';
import type { Calibrations, Direction } from './domain/calibration.ts';
import { countPrompt, type PromptContext, type PromptRequest, promptText } from './domain/count-prompt.ts';
import { bareModelName, type ModelLookup } from './domain/model-table.ts';
import { checked, RequestError } from './parse-body.ts';
import type { Library } from './vocabularies/library.ts';
import type { Templates } from './vocabularies/templates.ts';

/** What a thread needs to answer questions. */
export interface AnswerParts {
  readonly library: Library;
  readonly models: ModelLookup;
  readonly templates: Templates;
  readonly cache: CachedCount;
  /** Reported tokens per counted token of a model whose counts are estimates. */
  readonly ratioOf: Calibrations['ratioOf'];
}

/** Questions that are CPU-bound to answer. */
export const QUESTIONS = ['calculate', 'cut', 'tokenize'] as const;
export type QuestionKind = (typeof QUESTIONS)[number];

export type Answer = CalculateResponse | CutResponse | TokenizeResponse;

/** Everything that counting for one model takes. */
interface Counted extends Calibrated {
  readonly family: ModelFamily;
  readonly bareModel: string;
}

/**
 * Answers a question from its parsed body.
 * @throws RequestError for a body that is not valid
 */
export async function answer(kind: QuestionKind, json: unknown, parts: AnswerParts): Promise<Answer> {
  switch (kind) {
    case 'calculate':
      return calculate(checked(json, calculateRequest), parts);
    case 'cut':
      return cut(checked(json, cutRequest), parts);
    case 'tokenize':
      return tokenize(checked(json, tokenizeRequest), parts);
    default:
      return kind satisfies never;
  }
}

/** Counts a text or a chat prompt. */
async function calculate(request: CalculateRequest, parts: AnswerParts): Promise<CalculateResponse> {
  const model = 'messages' in request ? request.model : request.model_name;
  const counted = await countedBy(model, 'messages' in request ? 'input' : 'output', parts);
  const { tokens, exact } = countOf(request, counted, parts);
  const vocabulary = counted.family.vocabulary;
  const token_count = calibrated(tokens, counted.ratio);
  return { success: true, token_count, model, exact, vocabulary, ...ratioIn(counted) };
}

function countOf(request: CalculateRequest, counted: Counted, parts: AnswerParts): { tokens: number; exact: boolean } {
  const { family, tokenizer } = counted;
  if (!('messages' in request)) return { tokens: parts.cache.count(tokenizer, request.text), exact: family.exact_text };
  return countPrompt(promptOf(request), contextOf(counted, parts));
}

type ChatRequest = Extract<CalculateRequest, { messages: unknown }>;

function promptOf(request: ChatRequest): PromptRequest {
  const { messages, tools, chat_template_kwargs } = request;
  return { messages, tools, variables: chat_template_kwargs ?? {} };
}

function contextOf({ family, tokenizer, bareModel }: Counted, { templates, cache }: AnswerParts): PromptContext {
  const count = (text: string) => cache.count(tokenizer, text);
  return { family, bareModel, render: templates.of(family.template), count };
}

async function countedBy(
  model: string,
  direction: Direction,
  { library, models, ratioOf }: AnswerParts,
): Promise<Counted> {
  const family = models.familyOf(model);
  const bareModel = bareModelName(model);
  const tokenizer = await library.tokenizer(family.vocabulary);
  return { family, tokenizer, bareModel, ratio: family.exact_text ? 1 : ratioOf(bareModel, direction) };
}

/** Finds where a text must end. */
async function cut({ model, text, max_tokens, from }: CutRequest, parts: AnswerParts): Promise<CutResponse> {
  const counted = await countedBy(model, 'output', parts);
  const found = calibratedCut(counted, text, max_tokens, from);
  return {
    success: true,
    token_count: found.tokens,
    fits: found.fits,
    cut_at: found.cutAt,
    cut_tokens: found.cutTokens,
    final_at: found.finalAt,
    final_tokens: found.finalTokens,
    exact: counted.family.exact_text,
    vocabulary: counted.family.vocabulary,
    ...ratioIn(counted),
  };
}

function ratioIn({ family, ratio }: Counted): { ratio?: number } {
  return family.exact_text ? {} : { ratio };
}

async function tokenize(request: TokenizeRequest, parts: AnswerParts): Promise<TokenizeResponse> {
  const counted = await countedBy(request.model, 'messages' in request ? 'input' : 'output', parts);
  const { family, tokenizer } = counted;
  const isChat = 'messages' in request;
  const asCounted = isChat ? request : { model_name: request.model, text: request.text };
  const { tokens, exact } = countOf(asCounted, counted, parts);
  const text = isChat ? promptText(promptOf(request), contextOf(counted, parts)) : request.text;
  if (text.length > MAX_SHOWN)
    throw new RequestError(400, `messages: a prompt of at most ${MAX_SHOWN} characters is shown.`);
  return {
    success: true,
    model: request.model,
    vocabulary: family.vocabulary,
    exact,
    token_count: calibrated(tokens, counted.ratio),
    tokens: tokenizer.tokens(text),
  };
}

/** Longest text, in UTF-16 units, whose tokens are shown one by one. */
const MAX_SHOWN = 100_000;

/** Learned ratios as they travel to a worker. */
export function ratiosOf(calibrations: Readonly<Record<string, Calibration>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(calibrations).map(([model, { ratio }]) => [model, ratio]));
}
