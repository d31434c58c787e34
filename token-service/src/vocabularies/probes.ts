/** Texts on which tokenizers of different kinds differ: what a conversion has to get right. */
export const PROBES: readonly string[] = [
  "Hello, world! I'm sure they'll say it's DON'T, O'Neill's.",
  '  two spaces,\ttabs\t\tand   three\n\nlines \r\n end \n ',
  'mp3 x86 v1.2 3D 2nd H2O b2b4 10km',
  'numbers 1 12 123 1234 12345.678 1,000,000 ١٢٣ ½ ²',
  'function add(a, b) {\n    return a + b; // sum\n}\n',
  '{"name":"get_weather","arguments":{"city":"北京","days":[1,2,3]}}',
  '你好，世界！今天天气怎么样？2024年将有10万亿tokens。',
  'こんにちは世界。東京は日本の首都です。カタカナ・ひらがな',
  '안녕하세요 세계! Привет, мир! Ελληνικά مرحبا بالعالم नमस्ते दुनिया ภาษาไทย',
  'e\u0301 A\u030a naïve café Straße ünïcödé',
  '👨‍👩‍👧‍👦 👍🏽 🇩🇪 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿',
  'CamelCaseWords SNAKE_CASE HTTPServer https://example.com/path?query=1&b=2#frag',
  '!!!...???---___***~~~```"""\'\'\' <b>bold</b> [x] (y) {z}',
  '<|im_start|>user\nhi<|im_end|><think>hm</think><s></s>[INST]▁▁ <｜User｜>',
];
