import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Tokenizer, tokenizerOf, type Vocabulary } from '@ai-gateway/tokenizer';
import { Tokenizer as GeneralTokenizer } from '@huggingface/tokenizers';
import { BUILT_IN, type BuiltIn } from './catalog.ts';
import { fromTokenizerJson, NotConvertible } from './hugging-face.ts';
import { PROBES } from './probes.ts';

/** A vocabulary as it was read: converted, or, where it is of another kind, run as it is by Hugging Face's library. */
export type Reading =
  | { readonly kind: 'vocabulary'; readonly vocabulary: Vocabulary }
  | { readonly kind: 'general'; readonly tokenizer: Tokenizer };

/** There is no vocabulary of that name. */
export class UnknownVocabulary extends Error {
  readonly status = 404;
}

/** The built-in vocabulary of a name, if there is one. */
export function builtIn(name: string): BuiltIn | undefined {
  return Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name as keyof typeof BUILT_IN] : undefined;
}

/** Names of the operator's vocabularies: subfolders with a `tokenizer.json`. */
export function ownVocabularies(folder: string | undefined): string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => existsSync(join(folder, name, 'tokenizer.json')));
}

/**
 * Reads a vocabulary; takes 0.2 to 1.5 s of CPU. An operator's `tokenizer.json` must show on probe texts that the
 * conversion gives the ids that Hugging Face's library gives; otherwise that library, which is slower, counts with it.
 * @throws UnknownVocabulary
 */
export function readVocabulary(name: string, folder: string | undefined): Reading {
  const known = builtIn(name);
  if (known !== undefined) return { kind: 'vocabulary', vocabulary: known.read() };

  const json: object = JSON.parse(readFileSync(ownFile(name, folder), 'utf8'));
  const general = generalTokenizer(name, json);
  const converted = convert(name, json);
  if (converted === undefined || !agrees(tokenizerOf(converted), general))
    return { kind: 'general', tokenizer: general };
  return { kind: 'vocabulary', vocabulary: { ...converted, hasSafeBoundaries: provesBoundaries(converted) } };
}

/** @throws UnknownVocabulary when neither the service nor the operator has a vocabulary of that name */
export function checkKnown(name: string, folder: string | undefined): void {
  if (builtIn(name) === undefined) ownFile(name, folder);
}

function ownFile(name: string, folder: string | undefined): string {
  if (folder === undefined || !ownVocabularies(folder).includes(name))
    throw new UnknownVocabulary(`There is no vocabulary ${name}.`);
  return join(folder, name, 'tokenizer.json');
}

function convert(name: string, json: object): Vocabulary | undefined {
  try {
    return fromTokenizerJson(name, json);
  } catch (error) {
    if (error instanceof NotConvertible) return undefined;
    throw error;
  }
}

function generalTokenizer(name: string, json: object): Tokenizer {
  const tokenizer = new GeneralTokenizer(json, {});
  const encode = (text: string): number[] => tokenizer.encode(text.toWellFormed(), { add_special_tokens: false }).ids;
  return {
    name,
    encode,
    count: (text) => encode(text).length,
    tokens: (text) => encode(text).map((id) => ({ id, text: tokenizer.decode([id]) })),
    isSafeBoundary: () => false,
  };
}

function agrees(converted: Tokenizer, general: Tokenizer): boolean {
  return PROBES.every((text) => converted.encode(text).join() === general.encode(text).join());
}

/** No token reaches over a place that counts as a boundary, and in all probe texts tokens are the same on both sides of one. */
function provesBoundaries(vocabulary: Vocabulary): boolean {
  const { encode, isSafeBoundary } = tokenizerOf({ ...vocabulary, hasSafeBoundaries: true });
  const boundariesIn = (text: string) =>
    Array.from({ length: text.length }, (_, at) => at).filter((at) => isSafeBoundary(text, at));
  const isByte = vocabulary.unit === 'byte';
  for (const token of vocabulary.ranks.keys()) {
    const text = isByte ? Buffer.from(token, 'latin1').toString() : token;
    // A part of a character shows nothing, and some vocabularies hold tokens that their own patterns never let be.
    if (!text.includes('\ufffd') && boundariesIn(text).length > 0 && encode(text).length === 1) return false;
  }
  return PROBES.every((text) => {
    const whole = encode(text).join();
    return boundariesIn(text).every((at) => [...encode(text.slice(0, at)), ...encode(text.slice(at))].join() === whole);
  });
}
