import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { BUILT_IN } from './catalog.ts';
import { readVocabulary } from './read.ts';

const folder = mkdtempSync(join(tmpdir(), 'read-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** GPT-2's alphabet of bytes, of which only the printable part is used here. */
const ASCII = Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at));

/** A byte-level tokenizer.json that splits by the pattern. */
function tokenizerJson(pattern: string, merges: readonly string[]): object {
  const alphabet = [...ASCII, 'Ġ', 'Ċ'];
  const others = Array.from({ length: 160 }, (_, at) => String.fromCharCode(0xa1 + at)).filter(
    (one) => one !== '\u00ad',
  );
  const rest = Array.from({ length: 68 }, (_, at) => String.fromCharCode(0x100 + at));
  const tokens = [
    ...new Set([...alphabet, ...others.slice(0, 94), ...rest, ...merges.map((merge) => merge.replace(' ', ''))]),
  ];
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges },
  };
}

function read(name: string, json: object) {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'tokenizer.json'), JSON.stringify(json));
  return readVocabulary(name, folder);
}

it('finds no boundary between letters and digits where a token joins them', () => {
  const reading = read('joined', tokenizerJson('[\\p{L}\\p{N}]+|[^\\p{L}\\p{N}]', ['m p', 'mp 3']));
  expect(reading).toMatchObject({ kind: 'vocabulary', vocabulary: { hasSafeBoundaries: false } });
});

it('finds boundaries where patterns part words from what is around them', () => {
  const reading = read('parted', tokenizerJson('\\p{L}+|\\p{N}|[^\\p{L}\\p{N}]+', ['m p']));
  expect(reading).toMatchObject({ kind: 'vocabulary', vocabulary: { hasSafeBoundaries: true } });
});

it('reads the built-in ones as they are', () => {
  expect(readVocabulary('qwen', undefined)).toMatchObject({ kind: 'vocabulary', vocabulary: { name: 'qwen' } });
  expect(Object.keys(BUILT_IN)).toHaveLength(10);
});

it.each(['..', '../joined', 'absent', ''])('knows no vocabulary %j', (name) => {
  expect(() => readVocabulary(name, folder)).toThrow('There is no vocabulary');
});
