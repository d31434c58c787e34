/** A token that is recognised in texts whatever the pre-tokenisation says. */
export interface AddedToken {
  readonly content: string;
  readonly id: number;
}

/** How a text is split into pieces, over whose borders no tokens reach. */
export type Split =
  /** By regular expressions in JavaScript's syntax, flag `u`: each splits further what the one before has left. */
  | { readonly kind: 'patterns'; readonly patterns: readonly string[] }
  /** Wherever two characters meet that stand side by side in no token (vocabularies without pre-tokenisation). */
  | { readonly kind: 'pairs' };

/** Everything that defines a BPE tokenizer, as data. */
export interface Vocabulary {
  readonly name: string;
  /** What merging starts from: UTF-8 bytes, or characters (and bytes for those that the vocabulary does not hold). */
  readonly unit: 'byte' | 'character';
  /** Tokens by how early they are merged, from 0 without gaps. Bytes are written as latin-1 characters. */
  readonly ranks: ReadonlyMap<string, number>;
  /** Of which two tokens each token is made, by rank; see `partsOf`. Undefined where that is not one pair for each. */
  readonly parts: Int32Array | undefined;
  /** Token ids by rank; undefined = the ranks themselves. */
  readonly ids: Int32Array | undefined;
  readonly split: Split;
  readonly normalization: 'NFC' | 'none';
  /** What a space is written as before anything else, e.g. U+2581; undefined = itself. */
  readonly spaceAs: string | undefined;
  readonly addedTokens: readonly AddedToken[];
  /** Whether tokens are final before a boundary of `safe-boundary.ts`; unknown patterns have to prove it. */
  readonly hasSafeBoundaries: boolean;
}

/** Name of the token that stands for a byte in vocabularies of characters. */
export function byteTokenName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}
