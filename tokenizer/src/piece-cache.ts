/** Entries of a generation; two are kept, of about 70 bytes per entry. */
const GENERATION = 32_768;

/** A bounded memory of counts that forgets what has not been asked for longest, a generation at a time. */
export function pieceCache() {
  let young = new Map<string, number>();
  let old = new Map<string, number>();
  function set(piece: string, count: number): void {
    if (young.size >= GENERATION) {
      old = young;
      young = new Map();
    }
    young.set(piece, count);
  }
  return {
    get(piece: string): number | undefined {
      const known = young.get(piece);
      if (known !== undefined) return known;
      const older = old.get(piece);
      if (older !== undefined) set(piece, older);
      return older;
    },
    set,
  };
}
