import { hash } from 'node:crypto';
import type { VocabularyInfo } from '@ai-gateway/contracts';
import { packVocabulary, type Tokenizer, tokenizerOf, unpackVocabulary } from '@ai-gateway/tokenizer';
import { BUILT_IN, sourceOf } from './catalog.ts';
import { builtIn, checkKnown, ownVocabularies, readVocabulary } from './read.ts';

/** A vocabulary as bytes for gateways, and the name of this state of it. */
export interface PackedVocabulary {
  readonly bytes: Buffer;
  readonly version: string;
}

/** Reads a vocabulary into its packed form; undefined for one that only Hugging Face's library can run. */
export type ReadPacked = (name: string) => Promise<Uint8Array | undefined>;

/** The vocabularies that this thread counts with, each loaded when it is first asked for. */
export interface Library {
  /** Rejects with UnknownVocabulary. */
  tokenizer(name: string): Promise<Tokenizer>;
  /** Undefined for a vocabulary that cannot be handed on. Rejects with UnknownVocabulary. */
  packed(name: string): Promise<PackedVocabulary | undefined>;
  list(): readonly VocabularyInfo[];
}

interface Shelved {
  readonly tokenizer: Tokenizer;
  readonly tokens: number | undefined;
  readonly packed: PackedVocabulary | undefined;
}

/** @param readPacked where reading happens: it takes up to 1.5 s of CPU, which a thread that answers cannot spare */
export function library(folder: string | undefined, readPacked: ReadPacked): Library {
  const shelf = new Map<string, Promise<Shelved>>();
  const here = new Map<string, Shelved>();

  async function load(name: string): Promise<Shelved> {
    checkKnown(name, folder);
    const bytes = await readPacked(name);
    if (bytes === undefined) {
      const reading = readVocabulary(name, folder);
      if (reading.kind !== 'general') throw new Error(`the vocabulary ${name} has changed while it was read`);
      return { tokenizer: reading.tokenizer, tokens: undefined, packed: undefined };
    }
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const vocabulary = await unpackVocabulary(buffer);
    const version = hash('sha256', buffer).slice(0, 16);
    return { tokenizer: tokenizerOf(vocabulary), tokens: vocabulary.ranks.size, packed: { bytes: buffer, version } };
  }

  function shelved(name: string): Promise<Shelved> {
    const known = shelf.get(name);
    if (known !== undefined) return known;
    const loading = load(name);
    shelf.set(name, loading);
    loading.then(
      (loaded) => here.set(name, loaded),
      // The next who asks tries again.
      () => shelf.delete(name),
    );
    return loading;
  }

  return {
    tokenizer: async (name) => (here.get(name) ?? (await shelved(name))).tokenizer,
    packed: async (name) => (await shelved(name)).packed,
    list: () => [
      ...Object.entries(BUILT_IN).map(([name, known]) => infoOf(name, sourceOf(known), known.license, here.get(name))),
      ...ownVocabularies(folder)
        .filter((name) => builtIn(name) === undefined)
        .map((name) => infoOf(name, 'TOKEN_VOCABULARIES_DIR', 'as its owner says', here.get(name))),
    ],
  };
}

function infoOf(name: string, source: string, license: string, shelved: Shelved | undefined): VocabularyInfo {
  const tokens = shelved?.tokens === undefined ? {} : { tokens: shelved.tokens };
  return { name, source, license, is_loaded: shelved !== undefined, ...tokens };
}

/** Reads and packs on the calling thread. */
export function packedHere(name: string, folder: string | undefined): Uint8Array | undefined {
  const reading = readVocabulary(name, folder);
  return reading.kind === 'general' ? undefined : packVocabulary(reading.vocabulary);
}
