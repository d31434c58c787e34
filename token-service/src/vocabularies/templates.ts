import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { chatTemplate, type RenderChat, type TemplateDialect, type TemplateSource } from '../domain/chat-template.ts';
import { BUILT_IN, type BuiltInName } from './catalog.ts';

const specialToken = z.union([z.string(), z.object({ content: z.string() })]).nullish();

/** The parts of a Hugging Face `tokenizer_config.json` that a chat template needs. */
const tokenizerConfig = z.looseObject({
  chat_template: z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]).nullish(),
  bos_token: specialToken,
  eos_token: specialToken,
});

/** Templates that models publish, as the packages of their vocabularies bring them. */
const PACKAGED: Readonly<
  Record<string, { readonly vocabulary: BuiltInName; readonly dialect: TemplateDialect; readonly takesParts?: boolean }>
> = {
  qwen3: { vocabulary: 'qwen', dialect: 'objects' },
  'deepseek-v3': { vocabulary: 'deepseek', dialect: 'texts' },
  llama3: { vocabulary: 'llama3', dialect: 'objects' },
  'mistral-nemo': { vocabulary: 'tekken', dialect: 'objects' },
  gemma3: { vocabulary: 'gemma3', dialect: 'objects', takesParts: true },
};

/** Published formats that no package brings, written here. */
const OWN: readonly string[] = ['qwen2.5', 'harmony'];

/** Chat templates by name; each is read and compiled when it is first asked for. */
export interface Templates {
  /** Undefined for `openai`, for null and for a vocabulary of the operator's that brings no template. */
  of(name: string | null): RenderChat | undefined;
}

/** Built-in templates, and those beside the vocabularies in an operator's folder, by the name of their subfolder. */
export function templates(folder: string | undefined): Templates {
  const compiled = new Map<string, RenderChat | undefined>();
  return {
    of(name) {
      if (name === null || name === 'openai') return undefined;
      if (!compiled.has(name)) {
        const source = sourceOf(name, folder);
        compiled.set(name, source === undefined ? undefined : chatTemplate(source));
      }
      return compiled.get(name);
    },
  };
}

function sourceOf(name: string, folder: string | undefined): TemplateSource | undefined {
  const packaged = PACKAGED[name];
  if (packaged !== undefined) {
    const { vocabulary, ...more } = packaged;
    const source = fromConfig(join(BUILT_IN[vocabulary].file, '../tokenizer_config.json'), packaged.dialect);
    return source && { ...source, ...more };
  }
  if (OWN.includes(name)) {
    const source = readFileSync(join(import.meta.dirname, `../chat-templates/${name}.jinja`), 'utf8');
    return { source, bosToken: '', eosToken: '', dialect: 'objects' };
  }
  const config = folder === undefined ? undefined : join(folder, name, 'tokenizer_config.json');
  return config !== undefined && existsSync(config) ? fromConfig(config, 'objects') : undefined;
}

/** The template in the file itself, or in `chat_template.jinja` beside it, where newer models have it. */
function fromConfig(path: string, dialect: TemplateDialect): TemplateSource | undefined {
  const { chat_template, bos_token, eos_token } = tokenizerConfig.parse(JSON.parse(readFileSync(path, 'utf8')));
  const beside = join(path, '../chat_template.jinja');
  // Some models publish several; the one that is meant for chats has this name.
  const published = Array.isArray(chat_template)
    ? chat_template.find(({ name }) => name === 'default')?.template
    : chat_template;
  const source = existsSync(beside) ? readFileSync(beside, 'utf8') : published;
  const textOf = (token: z.infer<typeof specialToken>) => (typeof token === 'string' ? token : (token?.content ?? ''));
  return source ? { source, bosToken: textOf(bos_token), eosToken: textOf(eos_token), dialect } : undefined;
}
