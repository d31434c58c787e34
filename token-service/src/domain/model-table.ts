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
  row('o200k_base', ['gpt-4o*', 'chatgpt-4o*'], EXACT('openai')),
  row('o200k_harmony', ['gpt-oss*'], TEXT_ONLY('harmony')),
  row(
    'o200k_base',
    ['gpt-4.1*', 'gpt-4.5*', 'gpt-5*', 'o1', 'o1-*', 'o3', 'o3-*', 'o4-*', 'codex-*', 'computer-use-*'],
    TEXT_ONLY('openai'),
  ),
  row('cl100k_base', ['gpt-4', 'gpt-4-*', 'gpt-3.5*', 'gpt-35*'], EXACT('openai')),
  row('cl100k_base', ['text-embedding-*', 'davinci-002', 'babbage-002'], TEXT_ONLY(null)),

  row(
    'qwen',
    ['deepseek-r1-distill-qwen*', 'deepseek-r1-1.5b*', 'deepseek-r1-7b*', 'deepseek-r1-14b*', 'deepseek-r1-32b*'],
    TEXT_ONLY('deepseek-v3'),
  ),
  row('llama3', ['deepseek-r1-distill-llama*', 'deepseek-r1-8b*', 'deepseek-r1-70b*'], TEXT_ONLY('deepseek-v3')),
  row('deepseek', ['deepseek-v3'], EXACT('deepseek-v3')),
  row('deepseek', ['deepseek-v3*', 'deepseek-r1*', 'deepseek-chat*', 'deepseek-reasoner*'], TEXT_ONLY('deepseek-v3')),

  row('qwen', ['qwen3-#b-base*', 'qwen3-#b-a#b-base*', 'qwen2.5-#b', 'qwen2-#b'], TEXT_ONLY(null)),
  row('qwen', ['qwen3-#b', 'qwen3-#b-a#b', ...variants('qwen3-#b'), ...variants('qwen3-#b-a#b')], EXACT('qwen3')),
  row('qwen', ['qwen2.5-#b-instruct*'], EXACT('qwen2.5')),
  row('qwen', ['qwen3', 'qwen3-*'], TEXT_ONLY('qwen3')),
  row('qwen', ['qwen2*', 'qwen-2*', 'qwq*', 'qvq*'], TEXT_ONLY('qwen2.5')),

  row('llama3', ['*llama-3.#-#b-instruct*', '*llama3.#-#b-instruct*', '*llama3-#-#b-instruct*'], EXACT('llama3')),
  row('llama3', ['*llama-3*', '*llama3*'], TEXT_ONLY('llama3')),
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
      if (known.size >= REMEMBERED) known.clear();
      known.set(model, found);
      return found;
    },
  };
}

/**
 * A model name without what does not change its tokens: prefixes of providers, organisations and regions (`openai/`,
 * `Qwen/`, `us.meta.`), `ft:` of fine-tunes, case, and the separators of tags (`qwen2.5:7b-instruct`, `model@date`).
 */
export function bareModelName(model: string): string {
  return model
    .toLowerCase()
    .replace(/^.*\//, '')
    .replace(/^ft:/, '')
    .replace(/^(?:(?:us|eu|apac|global)\.)?(?:anthropic|meta|mistral|deepseek|qwen|openai|google)\./, '')
    .replaceAll(/[:@_]/g, '-');
}

/** `*` stands for anything, `#` for a number with or without a fraction. */
function expressionOf(pattern: string): RegExp {
  const escaped = RegExp.escape(pattern.toLowerCase());
  return new RegExp(`^${escaped.replaceAll('\\*', '.*').replaceAll('\\x23', '\\d+(?:\\.\\d+)?')}$`);
}
