import { expect, it } from 'vitest';
import { visibleParts } from './visible-parts.ts';

it.each([
  ['', ''],
  ['token', 'token'],
  [' token', '[·]token'],
  ['a\n\n\tb', 'a[⏎\n⏎\n→]b'],
  ['\r\n', '[␍⏎\n]'],
  ['\u3000你好', '[□]你好'],
  ['a\u00a0b\u200b', 'a[U+00A0]b[U+200B]'],
  ['\u0000\u202e', '[␀U+202E]'],
  ['👍🏽 \ufffd', '👍🏽[·]\ufffd'],
])('shows %j as %j', (text, expected) => {
  const shown = visibleParts(text).map((part) => (part.isMark ? `[${part.text}]` : part.text));
  expect(shown.join('')).toBe(expected);
});
