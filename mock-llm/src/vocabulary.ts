/** Styles an answer can be written in; `mixed` draws a style for every word. */
export const STYLES = ['en', 'zh', 'emoji', 'code', 'mixed'] as const;

export type Style = (typeof STYLES)[number];

type PlainStyle = Exclude<Style, 'mixed'>;

const WORDS: Readonly<Record<PlainStyle, readonly string[]>> = {
  en: 'the a of and to in stream token answer request window quiet river counts every before after gateway policy rule green paper seven small bright model carries straightforward internationalisation let’s don’t naïve café letter under stone morning keeps light between almost never'.split(
    ' ',
  ),
  zh: '你好 我们 今天 天气 很好 请求 网关 策略 流量 可以 模型 回答 中文 字符 计数 精确 截断 因为 所以 学习 人工智能 龘 春天 的 了 是 在 一个 问题 测试 数据 河流 安静 早晨 龍 讓 們 𠮷 㐂 々'.split(
    ' ',
  ),
  emoji: '😀 🚀 🎉 👍🏽 👩‍💻 👨‍👩‍👧‍👦 🇨🇳 🇫🇷 ❤️ ☕ 🐉 🌊 1️⃣ 🏳️‍🌈 🧑🏿‍🚀 🍜 🫠 ✈️ 👀 🥳'.split(' '),
  code: 'const let return function await if (x > 0) { } => items.map( value ) === null; "text" 0x1F 3.14 // note /* why */ total += price * count; async for (const row of rows) { name?.length ?? 0 <div className="row"> SELECT id FROM users; self.__init__() &mut i32 #include <stdio.h>'.split(
    ' ',
  ),
};

const PLAIN_STYLES: readonly PlainStyle[] = ['en', 'zh', 'emoji', 'code'];

/** What decides a text completely. */
export interface TextSpec {
  readonly seed: number;
  readonly prompt: string;
  readonly style: Style;
  /** Vocabulary words to write; a Chinese word has one to four characters. */
  readonly words: number;
}

/** Writes a text of exactly `words` vocabulary words: the same spec gives the same text, on every machine. */
export function writeText({ seed, prompt, style, words }: TextSpec): string {
  const draw = randomFrom(hashOf(`${seed}\n${style}\n${prompt}`));
  const parts: string[] = [];
  let leftInSentence = 0;
  for (let index = 0; index < words; index += 1) {
    const wordStyle = style === 'mixed' ? pick(PLAIN_STYLES, draw) : style;
    const word = pick(WORDS[wordStyle], draw);
    const opens = leftInSentence === 0;
    if (opens) leftInSentence = 4 + Math.floor(draw() * 9);
    leftInSentence -= 1;
    const closes = leftInSentence === 0 || index === words - 1;
    parts.push(
      wordStyle === 'en' && opens ? capitalised(word) : word,
      separator(wordStyle, closes, index === words - 1),
    );
  }
  return parts.join('');
}

/** The style of the language a prompt is written in: Chinese, code (a fenced block), emoji only, else English. */
export function styleOf(prompt: string): Style {
  if (/\p{Script=Han}/u.test(prompt)) return 'zh';
  if (prompt.includes('```')) return 'code';
  if (/\p{Extended_Pictographic}/u.test(prompt) && !/\p{Letter}/u.test(prompt)) return 'emoji';
  return 'en';
}

/** 32-bit FNV-1a over UTF-16 units. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

function separator(style: PlainStyle, closes: boolean, isLast: boolean): string {
  switch (style) {
    case 'en':
      return closes ? `.${isLast ? '' : ' '}` : ' ';
    case 'zh':
      return closes ? '。' : '';
    case 'emoji':
      return closes && !isLast ? ' ' : '';
    case 'code':
      if (isLast) return '';
      return closes ? '\n  ' : ' ';
    default:
      return style satisfies never;
  }
}

function pick<T>(list: readonly T[], draw: () => number): T {
  // The index is below the length because draw() is below 1.
  return list[Math.floor(draw() * list.length)] as T;
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Mulberry32: a small generator with the same sequence everywhere; numbers from 0 up to but not including 1. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
