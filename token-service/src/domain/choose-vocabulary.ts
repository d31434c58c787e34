import type { VocabularyName } from '../tokenizers/tokenizer.ts';

/** How chats become text: OpenAI's published overhead, Qwen's ChatML template, or nothing known. */
export type ChatTemplate = 'openai' | 'qwen2.5' | 'qwen3' | 'unknown';

/** Everything that counting for a model depends on. */
export interface Family {
  /** What the table matches, for people. */
  readonly pattern: string;
  readonly vocabulary: VocabularyName;
  readonly template: ChatTemplate;
  /** The vocabulary is the model's real one. */
  readonly isExactText: boolean;
  /** The template's overhead is published too, so that counts of chats equal the provider's. */
  readonly isExactChat: boolean;
}

interface Rule extends Family {
  readonly matches: RegExp;
}

function rule(pattern: string, matches: RegExp, rest: Omit<Family, 'pattern' | 'isExactText'>): Rule {
  return { pattern, matches, isExactText: true, ...rest };
}

const O200K = { vocabulary: 'o200k_base', template: 'openai' } as const;
const QWEN = { vocabulary: 'qwen' } as const;
const CL100K = { vocabulary: 'cl100k_base', template: 'openai' } as const;

/** Tried in order on the bare model name in lower case; the first match counts. */
const RULES: readonly Rule[] = [
  rule('gpt-4o*, chatgpt-4o*', /^(chat)?gpt-4o/, { ...O200K, isExactChat: true }),
  rule('gpt-4.1*, gpt-4.5*, gpt-5*, gpt-oss*', /^gpt-(4\.[15]|5|oss)/, { ...O200K, isExactChat: false }),
  rule('o1*, o3*, o4*', /^o[134](-|$)/, { ...O200K, isExactChat: false }),
  rule('gpt-4*, gpt-3.5*', /^gpt-(4|3\.5|35)(-|$)/, { ...CL100K, isExactChat: true }),
  rule('text-embedding-*', /^text-embedding-/, { ...CL100K, isExactChat: false }),
  rule('qwen3-*b, qwen3-*b-instruct*', /^qwen3-\d+b(-a\d+b)?($|-(instruct|gptq|awq|fp8|int\d))/, {
    ...QWEN,
    template: 'qwen3',
    isExactChat: true,
  }),
  rule('qwen3-*', /^qwen3(-|$)/, { ...QWEN, template: 'qwen3', isExactChat: false }),
  rule('qwen2.5-*b-instruct*', /^qwen2\.5-[\d.]+b-instruct/, { ...QWEN, template: 'qwen2.5', isExactChat: true }),
  rule('qwen2*, qwq*', /^(qwen-?2|qwq)/, { ...QWEN, template: 'qwen2.5', isExactChat: false }),
];

/** For models whose vocabulary is not held here: a declared approximation. */
const FALLBACK: Family = {
  pattern: '*',
  vocabulary: 'o200k_base',
  template: 'unknown',
  isExactText: false,
  isExactChat: false,
};

/**
 * The family of a model name. Prefixes of providers and organisations (`openai/`, `Qwen/`), fine-tunes (`ft:`), dates
 * and quantisation suffixes do not change it.
 */
export function familyOf(model: string): Family {
  const bare = model.toLowerCase().replace(/^.*\//, '').replace(/^ft:/, '');
  return RULES.find(({ matches }) => matches.test(bare)) ?? FALLBACK;
}

/** The table as `/models` shows it. */
export function families(): readonly Family[] {
  return [...RULES.map(({ matches: _, ...family }) => family), FALLBACK];
}
