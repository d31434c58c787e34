import type { ModelFamily } from '@ai-gateway/contracts';

/** What a row of the table says about the models that it matches. */
interface Says {
  readonly template: string | null;
  /** The vocabulary is the models' real one. */
  readonly text: boolean;
  /** The template is published too, so that counts of chats equal the provider's. */
  readonly chat: boolean;
}

function row(vocabulary: string, match: readonly string[], { template, text, chat }: Says): ModelFamily {
  return { match: [...match], vocabulary, template, exact_text: text, exact_chat: chat };
}

const EXACT = (template: string): Says => ({ template, text: true, chat: true });
/** The vocabulary is known; how chats are written is not, or not for every model of the row. */
const TEXT_ONLY = (template: string | null): Says => ({ template, text: true, chat: false });
const ESTIMATE: Says = { template: 'openai', text: false, chat: false };

/** The models known without further configuration, in the order in which rows are tried. */
export const MODEL_TABLE: readonly ModelFamily[] = [
  row('o200k_base', ['gpt-4o', 'gpt-4o-mini', 'gpt-4o-2024-*', 'gpt-4o-mini-2024-*'], EXACT('openai')),
  row('o200k_harmony', ['gpt-oss*'], TEXT_ONLY('harmony')),
  row(
    'o200k_base',
    [
      ...['gpt-4o*', 'chatgpt-4o*', 'gpt-4.1*', 'gpt-4.5*', 'gpt-5*'],
      ...['o1', 'o1-*', 'o3', 'o3-*', 'o4-*', 'codex-*', 'computer-use-*'],
    ],
    TEXT_ONLY('openai'),
  ),
  row(
    'cl100k_base',
    [
      ...['gpt-4', 'gpt-4-0314*', 'gpt-4-0613*', 'gpt-4-1106*', 'gpt-4-0125*', 'gpt-4-32k*', 'gpt-4-turbo*'],
      ...['gpt-3.5-turbo', 'gpt-3.5-turbo-0613*', 'gpt-3.5-turbo-1106*', 'gpt-3.5-turbo-0125*', 'gpt-35-turbo*'],
    ],
    EXACT('openai'),
  ),
  row('cl100k_base', ['gpt-4-vision*', 'gpt-3.5*'], TEXT_ONLY('openai')),
  row('cl100k_base', ['text-embedding-3-*', 'text-embedding-ada-002', 'davinci-002', 'babbage-002'], TEXT_ONLY(null)),

  // The small ones of R1 are Qwen and Llama with special tokens of their own, which no package brings.
  row(
    'qwen',
    [
      ...['deepseek-r1-*qwen*', 'deepseek-r1-1.5b*', 'deepseek-r1-7b*', 'deepseek-r1-8b*'],
      ...['deepseek-r1-14b*', 'deepseek-r1-32b*'],
    ],
    { template: 'deepseek-v3', text: false, chat: false },
  ),
  row('llama3', ['deepseek-r1-*llama*', 'deepseek-r1-70b*'], { template: 'deepseek-v3', text: false, chat: false }),
  row('deepseek', ['deepseek-v3'], EXACT('deepseek-v3')),
  row(
    'deepseek-r1',
    ['deepseek-v3*', 'deepseek-r1*', 'deepseek-chat*', 'deepseek-reasoner*'],
    TEXT_ONLY('deepseek-v3'),
  ),

  row('qwen', ['qwen3-#b-base*', 'qwen3-#b-a#b-base*'], TEXT_ONLY(null)),
  // Those of July 2025 have templates of their own.
  row('qwen', ['qwen3-*-2507*'], TEXT_ONLY('qwen3')),
  row('qwen', ['qwen3-#b', 'qwen3-#b-a#b', ...variants('qwen3-#b'), ...variants('qwen3-#b-a#b')], EXACT('qwen3')),
  row('qwen', ['qwen3', 'qwen3-*', 'qwq*'], TEXT_ONLY('qwen3')),
  row('qwen2.5', ['qwen2.5-#b-instruct*'], EXACT('qwen2.5')),
  row('qwen2.5', ['qwen2.5-#b', 'qwen2-#b'], TEXT_ONLY(null)),
  row('qwen2.5', ['qwen2*', 'qwen-2*', 'qvq*'], TEXT_ONLY('qwen2.5')),
  row('qwen', ['qwen-*'], { template: 'qwen3', text: false, chat: false }),

  row('llama3', ['*llama-3.#-#b-instruct*', 'llama3.#-#b-instruct*', 'llama3-#-#b-instruct*'], EXACT('llama3')),
  row('llama3', ['*llama-3', '*llama-3.*', '*llama-3-*', 'llama3', 'llama3.*', 'llama3-*'], TEXT_ONLY('llama3')),
  row('gemma3', ['gemma-3-#b-it*'], EXACT('gemma3')),
  row('gemma3', ['gemma-3*', 'gemma3*'], TEXT_ONLY('gemma3')),
  row('tekken', ['mistral-nemo-instruct*', 'open-mistral-nemo*'], EXACT('mistral-nemo')),
  row('tekken', ['mistral-nemo*'], TEXT_ONLY('mistral-nemo')),

  row('tekken', ['mistral*', 'ministral*', 'magistral*', 'devstral*', 'codestral*', 'pixtral*', 'open-mi*'], ESTIMATE),
  row('gemma3', ['gemini*', 'gemma*'], ESTIMATE),
  row('o200k_base', ['*'], ESTIMATE),
];

/** The names under which quantised and tuned forms of a model go that are written to like the model itself. */
function variants(name: string): string[] {
  return ['instruct', 'gptq', 'awq', 'fp8', 'int#', 'q#'].map((suffix) => `${name}-${suffix}*`);
}

/** Finds the row of a model; the last row must match everything. */
export interface ModelLookup {
  familyOf(model: string): ModelFamily;
}

/** Different names whose rows are remembered. */
const REMEMBERED = 2_000;

/** Looks models up in a table; the first row with a matching name counts. */
export function modelLookup(table: readonly ModelFamily[]): ModelLookup {
  const rows = table.map((family) => ({ family, matches: family.match.map(expressionOf) }));
  const fallback = table.at(-1);
  if (fallback === undefined) throw new Error('the table of models is empty');
  const known = new Map<string, ModelFamily>();
  return {
    familyOf(model) {
      const remembered = known.get(model);
      if (remembered !== undefined) return remembered;
      const bare = bareModelName(model);
      const found = rows.find(({ matches }) => matches.some((expression) => expression.test(bare)))?.family ?? fallback;
      const family = hasOwnTemplate(model) ? { ...found, exact_chat: false } : found;
      if (known.size >= REMEMBERED) known.clear();
      known.set(model, family);
      return family;
    },
  };
}

/**
 * A model name without what does not change its tokens: prefixes of providers, organisations and regions (`openai/`,
 * `Qwen/`, `us.meta.`), what is around the name of a fine-tuned model (`ft:…:owner`), case, and the separators of tags (`qwen2.5:7b-instruct`, `model@date`).
 */
export function bareModelName(model: string): string {
  return model
    .toLowerCase()
    .replace(/^ft:([^:]*).*/, '$1')
    .replace(/^.*\//, '')
    .replace(/^(?:[a-z-]+\.)?deepseek\./, 'deepseek-')
    .replace(VENDOR, '')
    .replaceAll(/[:@_]/g, '-');
}

/** Bedrock's names: a region, a vendor, the model. */
const VENDOR = /^(?:[a-z]+(?:-[a-z]+)?\.)?(?:anthropic|meta|mistral|qwen|openai|google)\./;

/** Ollama (`name:tag`) and Bedrock write prompts by templates of their own, whatever the model's says. */
function hasOwnTemplate(model: string): boolean {
  return (model.includes(':') && !model.startsWith('ft:')) || VENDOR.test(model.toLowerCase());
}

/** `*` stands for anything, `#` for a number with or without a fraction. */
function expressionOf(pattern: string): RegExp {
  const escaped = RegExp.escape(pattern.toLowerCase());
  return new RegExp(`^${escaped.replaceAll('\\*', '.*').replaceAll('\\x23', '\\d+(?:\\.\\d+)?')}$`);
}
