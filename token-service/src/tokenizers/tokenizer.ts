/** A vocabulary that this service holds. */
export type VocabularyName = 'cl100k_base' | 'o200k_base' | 'qwen';

/** Counts texts in one vocabulary. Deterministic, synchronous, CPU-bound. */
export interface Tokenizer {
  readonly name: VocabularyName;
  /** Token ids of a text. */
  encode(text: string): number[];
  /** Tokens of a text. */
  count(text: string): number;
  /** Is the place before UTF-16 index `at` a boundary that no later text can move? See `safe-boundary.ts`. */
  isSafeBoundary(text: string, at: number): boolean;
}
