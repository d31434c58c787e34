import { expect, it } from 'vitest';
import { isQuicklyCounted } from './long-run.ts';

it.each([
  ['nothing', ''],
  ['English', 'The quick brown fox, 12 of them. '.repeat(900)],
  ['Chinese', '今天天气很好，我们去公园散步吧。人工智能正在改变世界！'.repeat(500)],
  ['base64', 'aGVsbG8gd29ybGQgMTIzNDU2Nzg5MA'.repeat(500)],
  ['a ruled line', `${'-'.repeat(200)}\n`],
])('%s is quick', (_name, text) => {
  expect(isQuicklyCounted(text.slice(0, 32_768))).toBe(true);
});

it.each([
  ['more than 32,768 units', 'word '.repeat(6_554)],
  ['letters without an end', `so: ${'a'.repeat(257)} and`],
  ['Chinese without a stop', '哈'.repeat(257)],
  ['a run of line feeds', '\n'.repeat(257)],
  ['a run of emoji', '🎉'.repeat(200)],
  ['digits without an end', '7'.repeat(300)],
])('%s is not', (_name, text) => {
  expect(isQuicklyCounted(text)).toBe(false);
});
