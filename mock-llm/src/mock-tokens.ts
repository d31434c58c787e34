/**
 * The mock's own token rule, used for `usage`, for `max_tokens` and as the default size of a stream event:
 * every Han, Hiragana, Katakana or Hangul character and every pictograph is one token, and so is every other run of
 * characters without white space. White space belongs to the token that follows it. No real vocabulary counts so.
 */
const TOKEN =
  /\s*(?:[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}]|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}]+)/gu;

/** Cuts a text into mock tokens; together they are the text again. A text of white space only is one piece. */
export function mockTokens(text: string): string[] {
  const tokens: string[] = text.match(TOKEN) ?? [];
  const end = tokens.reduce((length, token) => length + token.length, 0);
  if (end === text.length) return tokens;
  tokens.push((tokens.pop() ?? '') + text.slice(end));
  return tokens;
}

/** Number of mock tokens in a text; 0 for the empty text. */
export function countMockTokens(text: string): number {
  return mockTokens(text).length;
}
