/**
 * A pre-tokenisation pattern, as tiktoken (Rust) and Hugging Face (Oniguruma) write it, for JavaScript's flag `u`.
 * White space means Unicode's White_Space to them: U+0085 and not U+FEFF, the other way round than JavaScript's `\s`.
 * @throws SyntaxError for a pattern that JavaScript does not know (possessive quantifiers, set operations)
 */
export function javascriptPattern(pattern: string): string {
  const translated = pattern
    .replaceAll(/\\([sS])/g, (_, letter: string) => (letter === 's' ? '\\p{White_Space}' : '\\P{White_Space}'))
    .replaceAll('\\p{Han}', '\\p{Script=Han}');
  if (translated.includes('&&')) throw new SyntaxError('set operations in patterns are not known');
  new RegExp(translated, 'u');
  return translated;
}
