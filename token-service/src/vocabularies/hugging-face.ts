import { byteTokenName, partsOf, type Split, type Vocabulary } from '@ai-gateway/tokenizer';
import { z } from 'zod';
import { javascriptPattern } from './pattern.ts';

/** A tokenizer.json is of a kind that cannot be converted; the message says which part. */
export class NotConvertible extends Error {}

const part = z.looseObject({ type: z.string() });

/** The parts of a Hugging Face `tokenizer.json` that decide about token ids. */
const tokenizerJson = z.object({
  model: z.looseObject({
    type: z.string().default('BPE'),
    vocab: z.record(z.string(), z.number().int().min(0)),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
    byte_fallback: z.boolean().nullish(),
    ignore_merges: z.boolean().nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
  }),
  normalizer: part.nullish(),
  pre_tokenizer: part.nullish(),
  added_tokens: z
    .array(
      z.looseObject({
        id: z.number().int().min(0),
        content: z.string().min(1),
        single_word: z.boolean().default(false),
        lstrip: z.boolean().default(false),
        rstrip: z.boolean().default(false),
      }),
    )
    .default([]),
});

type TokenizerJson = z.infer<typeof tokenizerJson>;
type Part = z.infer<typeof part>;

/**
 * A vocabulary from a Hugging Face `tokenizer.json`: byte-level BPE with split patterns (GPT-2's alphabet of bytes), or
 * SentencePiece-like BPE of characters with a fallback to bytes (Gemma).
 * @throws NotConvertible for other kinds, naming the part; ZodError when it is not a tokenizer.json at all
 */
export function fromTokenizerJson(name: string, json: unknown): Vocabulary {
  const { model } = z.object({ model: z.looseObject({ type: z.string().default('BPE') }) }).parse(json);
  if (model.type !== 'BPE') throw new NotConvertible(`its model is ${model.type}, not BPE`);
  const parsed = tokenizerJson.parse(json);
  if (parsed.model.continuing_subword_prefix || parsed.model.end_of_word_suffix)
    throw new NotConvertible('its tokens have a prefix or suffix for their place in the word');
  const flagged = parsed.added_tokens.find(({ single_word, lstrip, rstrip }) => single_word || lstrip || rstrip);
  if (flagged !== undefined) throw new NotConvertible(`the added token ${flagged.content} takes white space with it`);

  const steps = flattened(parsed.pre_tokenizer, 'pretokenizers');
  const isByteLevel = steps.some(({ type }) => type === 'ByteLevel');
  const added = parsed.added_tokens.map(({ content, id }) => ({ content, id }));
  const base = { name, addedTokens: added, hasSafeBoundaries: true } as const;
  return isByteLevel ? { ...base, ...byteLevel(parsed, steps) } : { ...base, ...characterLevel(parsed, steps) };
}

function byteLevel(parsed: TokenizerJson, steps: readonly Part[]) {
  const normalizers = flattened(parsed.normalizer, 'normalizers');
  const other = normalizers.find(({ type }) => type !== 'NFC');
  if (other !== undefined) throw new NotConvertible(`its normalizer ${other.type} is not known here`);
  return {
    unit: 'byte' as const,
    ...ranked(parsed, 'byte'),
    split: { kind: 'patterns', patterns: steps.flatMap(patternOf) } satisfies Split,
    normalization: normalizers.length > 0 ? ('NFC' as const) : ('none' as const),
    spaceAs: undefined,
  };
}

/** Splitting at spaces after they have been replaced, as Gemma's file has it, does nothing. */
function characterLevel(parsed: TokenizerJson, steps: readonly Part[]) {
  if (parsed.model.byte_fallback !== true) throw new NotConvertible('it is neither byte-level nor falls back to bytes');
  const [normalizer, ...others] = flattened(parsed.normalizer, 'normalizers');
  const replace = z
    .object({
      type: z.literal('Replace'),
      pattern: z.object({ String: z.literal(' ') }),
      content: z.string().length(1),
    })
    .safeParse(normalizer);
  if (!replace.success || others.length > 0) throw new NotConvertible('its normalizer does more than replace spaces');
  const isIdle = steps.every(
    (step) => step.type === 'Split' && z.object({ String: z.literal(' ') }).safeParse(step.pattern).success,
  );
  if (!isIdle) throw new NotConvertible('its pre-tokenizer is not known here');
  return {
    unit: 'character' as const,
    ...ranked(parsed, 'character'),
    split: { kind: 'pairs' } satisfies Split,
    normalization: 'none' as const,
    spaceAs: replace.data.content,
  };
}

/** The steps of a part that may be a sequence of others. */
function flattened(whole: Part | null | undefined, list: 'normalizers' | 'pretokenizers'): readonly Part[] {
  if (whole === null || whole === undefined) return [];
  return whole.type === 'Sequence' ? z.array(part).parse(whole[list]) : [whole];
}

const splitPart = z.object({
  type: z.literal('Split'),
  pattern: z.object({ Regex: z.string() }),
  behavior: z.literal('Isolated'),
  invert: z.literal(false).default(false),
});

/** GPT-2's own pattern, which `ByteLevel` applies unless told not to. */
const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

function patternOf(step: Part): string[] {
  if (step.type === 'ByteLevel') {
    if (step.add_prefix_space === true) throw new NotConvertible('it adds a space before texts');
    return step.use_regex === false ? [] : [javascriptPattern(GPT2_PATTERN)];
  }
  if (step.type === 'Digits' && step.individual_digits === true) return ['\\p{N}'];
  const split = splitPart.safeParse(step);
  if (!split.success) throw new NotConvertible(`its pre-tokenizer ${step.type} is not known here`);
  try {
    return [javascriptPattern(split.data.pattern.Regex)];
  } catch (error) {
    throw new NotConvertible(`its pattern is not known here: ${(error as Error).message}`);
  }
}

/**
 * Tokens by how early they are merged: single units first, then by the first merge that gives them. Tokens that no merge
 * gives can only be a piece as a whole, and only where the file says so (`ignore_merges`).
 */
function ranked(parsed: TokenizerJson, unit: Vocabulary['unit']): Pick<Vocabulary, 'ranks' | 'parts' | 'ids'> {
  const { vocab } = parsed.model;
  const ranks = new Map<string, number>();
  const ids: number[] = [];
  for (const token of mergeOrder(parsed)) {
    const id = vocab[token];
    if (id === undefined) throw new NotConvertible(`a merge gives ${token}, which is not in the vocabulary`);
    ranks.set(unit === 'byte' ? bytesOf(token) : token, ranks.size);
    ids.push(id);
  }
  return { ranks, parts: unit === 'byte' ? partsOf(ranks) : undefined, ids: Int32Array.from(ids) };
}

function mergeOrder({ model }: TokenizerJson): ReadonlySet<string> {
  const order = new Set<string>();
  const isByteName = byteNames();
  for (const token of Object.keys(model.vocab)) if ([...token].length === 1 || isByteName.has(token)) order.add(token);
  for (const merge of model.merges) order.add(typeof merge === 'string' ? merge.replace(' ', '') : merge[0] + merge[1]);
  if (model.ignore_merges === true) for (const token of Object.keys(model.vocab)) order.add(token);
  return order;
}

function byteNames(): ReadonlySet<string> {
  return new Set(Array.from({ length: 256 }, (_, byte) => byteTokenName(byte)));
}

const BYTE_OF = byteAlphabet();

/** Bytes of a token that is written in GPT-2's printable alphabet, as a latin-1 string. */
function bytesOf(token: string): string {
  let bytes = '';
  for (const character of token) bytes += String.fromCharCode(BYTE_OF.get(character) ?? 0);
  return bytes;
}

/** GPT-2's alphabet: printable latin-1 characters stand for themselves, all other bytes for U+0100 and following. */
function byteAlphabet(): ReadonlyMap<string, number> {
  const alphabet = new Map<string, number>();
  let substitute = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    alphabet.set(String.fromCharCode(isPrintable ? byte : substitute++), byte);
  }
  return alphabet;
}
