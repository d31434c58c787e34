import fc from 'fast-check';

/** Texts that make tokenizers disagree: scripts, emoji sequences, code, white space, control characters, long runs. */
export const TEXTS: readonly string[] = [
  '',
  'Hello, world!',
  "I'm sure they'll say it's OUR'S, won't we've DON'T",
  'The quick brown fox jumps over the lazy dog. '.repeat(8),
  '你好，世界！今天天气怎么样？我想去公园散步。',
  '人工智能（AI）正在改变世界，2024年将有10万亿tokens。',
  'こんにちは世界。東京は日本の首都です。カタカナ・とひらがなー゠',
  'مرحبا بالعالم، كيف حالك اليوم؟',
  'नमस्ते दुनिया, आप कैसे हैं? हिन्दी में लिखना',
  '안녕하세요 세계! 한국어 텍스트입니다.',
  'Привет, мир! Ελληνικά, עברית, ไทยและภาษา, Tiếng Việt, ქართული',
  '👨‍👩‍👧‍👦 family 👍🏽 flag 🇩🇪 🏴󠁧󠁢󠁥󠁮󠁧󠁿 hearts ❤️‍🔥',
  'function add(a: number, b: number): number {\n  return a + b; // sum\n}\n\n\texport default add;\r\n',
  '{"name":"get_weather","arguments":{"city":"北京","days":[1,2,3],"x":null,"pi":3.14159}}',
  '<table><tr><td>1</td></tr></table> <b>bold</b> [INST] [/INST] <s> </s> [multimodal]',
  ' '.repeat(50),
  'a  b   c    d\n\n\n e\t\tf \r\n \r\n  g',
  '\u0000\u0001\u0007\u001b[31mred\u001b[0m\u007f\u0085\u00a0',
  'e\u0301 \u1e9b\u0323 \u0958 \u2126 A\u030a \u1100\u1161\u11a8',
  'lone \ud800 surrogate \udc00 end',
  '1234567890 3.14 1,000,000 ١٢٣ ⅷ ²³',
  'CamelCaseWordsAndSNAKE_CASE and HTTPServer ABCdefGHI ǅungla',
  'https://example.com/path?query=1&b=2#frag /usr/local/bin //comment */',
  '......!!!???;;;---___***~~~```"""\'\'\'',
  '<|im_start|>user\nhi<|im_end|><think>hm</think><|endoftext|>',
  '<｜User｜>hi<｜Assistant｜>▁▁ low line ▁ <start_of_turn>user\n<|eot_id|>',
  "ſtraße 'ſ don'ſ",
];

/**
 * Code points that every tokenizer's tables know alike. JavaScript's Unicode is newer than that of the reference
 * implementations, to which the letters of the last years are not letters yet; and U+FEFF is white space to some.
 */
const KNOWN_RANGES: readonly (readonly [number, number])[] = [
  [0x00, 0x24f],
  [0x250, 0x36f],
  [0x391, 0x3a1],
  [0x3a3, 0x481],
  [0x5d0, 0x5ea],
  [0x610, 0x66f],
  [0x904, 0x94d],
  [0xe01, 0xe3a],
  [0x10d0, 0x10f0],
  [0x1100, 0x11ff],
  [0x1e00, 0x1eff],
  [0x2000, 0x206f],
  [0x20a0, 0x20bf],
  [0x2100, 0x218b],
  [0x2190, 0x23ff],
  [0x2500, 0x27bf],
  [0x3000, 0x30ff],
  [0x3400, 0x4db5],
  [0x4e00, 0x9fef],
  [0xac00, 0xd7a3],
  [0xe000, 0xe010],
  [0xfb1d, 0xfb36],
  [0xfe00, 0xfe0f],
  [0xfe30, 0xfe4f],
  [0xff01, 0xff9f],
  [0x1d400, 0x1d454],
  [0x1d7ce, 0x1d7ff],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6c5],
  [0x20000, 0x2a6d6],
  [0xe0061, 0xe007f],
];

const knownCharacter = fc
  .oneof(...KNOWN_RANGES.map(([min, max]) => fc.integer({ min, max })))
  .map((codePoint) => String.fromCodePoint(codePoint));

const FRAGMENTS: readonly string[] = [
  ...[' ', '  ', '\n', '\n\n', '\r\n', '\t', "'", "'s", "'ll", "'LL", '’', 'a', 'b', 'A', 'B', 'the', ' the', 'Word'],
  ...[
    'ß',
    'é',
    'e\u0301',
    '\u0301',
    '\u0323',
    '1',
    '23',
    '456',
    '٣',
    '你',
    '好',
    '，',
    '。',
    'の',
    'ア',
    '・',
    'ー',
    '゠',
  ],
  ...[
    '한',
    '\u1100',
    '\u1161',
    '\u11a8',
    '👍',
    '👨‍👩‍👧',
    '🏽',
    '\u200d',
    '\ufe0f',
    '/',
    '//',
    '.',
    '!',
    '-',
    '_',
    '(',
    '"',
  ],
  ...['<', '<|', '|>', '<think>', '<|im_end|>', '<｜User｜>', '<s>', '[INST]', '<table>', '▁', '▁▁', '>', '> '],
  ...['\u00a0', '\u0085', 'ـ', 'न', 'म', '्', '\u09be', '\ud835', '\udfce', '\u{11099}', '\u{110ba}'],
];

/** Random texts from an alphabet of trouble. */
export const troubleText = fc
  .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...FRAGMENTS) }, { weight: 2, arbitrary: knownCharacter }), {
    maxLength: 40,
    size: 'max',
  })
  .map((parts) => parts.join(''));
