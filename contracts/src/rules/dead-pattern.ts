import { RE2JS } from 're2js';
import type { ConditionSource } from '../condition.ts';

/** Code points from the first to the last. */
type Range = readonly [number, number];

/** What the texts of a source have in common. */
interface Texts {
  readonly characters: readonly Range[];
  /** What every text begins with, so that none is empty. */
  readonly first?: number;
}

const ANY: Texts = { characters: [[0, 0x10ffff]] };

/** Wider than what gateways let in, never narrower: values of headers come as bytes, paths in their canonical form. */
const TEXTS: { readonly [Source in ConditionSource]: Texts } = {
  header: {
    characters: [
      [0x09, 0x09],
      [0x20, 0x7e],
      [0x80, 0xff],
    ],
  },
  path: { characters: [...without('#;?\\', [0x21, 0x7e]), [0x80, 0xff]], first: 0x2f },
  query: ANY,
  body: ANY,
};

/** Instructions of a compiled pattern, by the numbers that RE2 programs give them. */
const OP = { alt: 1, altMatch: 2, emptyWidth: 4, fail: 5, match: 6, firstRune: 8, lastRune: 11, firstLookBehind: 12 };

/** Assertions of a pattern that hold in one place of the text only. */
const AT_START = 4;
const AT_END = 8;

interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  /** Of a rune: one code point, or pairs of first and last ones. */
  readonly runes: ArrayLike<number>;
}

/** A place in the program, before any character or after some, and whether the text must be over. */
interface State {
  readonly at: number;
  readonly isStart: boolean;
  readonly isEnd: boolean;
}

/**
 * Whether a pattern certainly matches no text of a source: `a^`, `$a`, an empty class, or a character that such texts
 * never have. False when that is not plain, as with word boundaries and anchors of lines, which are taken to hold.
 * Takes time linear in the compiled pattern.
 * @throws Error when the pattern does not compile
 */
export function isDeadPattern(pattern: string, source: ConditionSource): boolean {
  const program = RE2JS.compile(pattern).re2Input.prog as {
    readonly start: number;
    readonly inst: readonly Instruction[];
  };
  const texts = TEXTS[source];
  const open: State[] = [true, false].map((isStart) => ({ at: program.start, isStart, isEnd: false }));
  const seen = new Set<string>();
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const key = JSON.stringify(state);
    if (seen.has(key)) continue;
    seen.add(key);
    const instruction = program.inst[state.at];
    if (instruction === undefined || instruction.op === OP.match || instruction.op >= OP.firstLookBehind) return false;
    open.push(...following(instruction, state, texts));
  }
  return true;
}

/** The places that an instruction leads to. */
function following(instruction: Instruction, state: State, texts: Texts): readonly State[] {
  const { op, out, arg } = instruction;
  if (op === OP.fail) return [];
  if (op === OP.alt || op === OP.altMatch) return [out, arg].map((at) => ({ ...state, at }));
  if (op === OP.emptyWidth) return afterAssertion(instruction, state, texts);
  if (op < OP.firstRune || op > OP.lastRune) return [{ ...state, at: out }];
  const isFirst = state.isStart && texts.first !== undefined;
  const wanted: readonly Range[] = isFirst ? [[texts.first, texts.first]] : texts.characters;
  return state.isEnd || !takesSome(instruction, wanted) ? [] : [{ at: out, isStart: false, isEnd: false }];
}

function afterAssertion({ out, arg }: Instruction, state: State, { first }: Texts): readonly State[] {
  if ((arg & AT_START) !== 0 && !state.isStart) return [];
  const isEnd = state.isEnd || (arg & AT_END) !== 0;
  const isEmpty = isEnd && state.isStart;
  return isEmpty && first !== undefined ? [] : [{ ...state, at: out, isEnd }];
}

function takesSome({ op, runes, arg }: Instruction, wanted: readonly Range[]): boolean {
  // Any character, or any but the end of a line.
  if (op > OP.firstRune + 1) return true;
  const [only] = runes.length === 1 ? [runes[0]] : [];
  // A letter in either case stands for others that are not listed.
  if (only !== undefined && arg !== 0) return foldsOf(only).some((rune) => isWithin([rune, rune], wanted));
  if (only !== undefined) return isWithin([only, only], wanted);
  for (let at = 0; at + 1 < runes.length; at += 2) {
    if (isWithin([runes[at] ?? 0, runes[at + 1] ?? 0], wanted)) return true;
  }
  return false;
}

/** A character in its cases; those beyond ASCII may have more, of which some are in it (`K`, `ſ`). */
function foldsOf(rune: number): readonly number[] {
  const text = String.fromCodePoint(rune);
  const forms = [text, text.toLowerCase(), text.toUpperCase(), text.toUpperCase().toLowerCase()];
  return forms.flatMap((form) => [...form].map((character) => character.codePointAt(0) ?? rune));
}

/** Whether two have a code point in common. */
function isWithin([first, last]: Range, wanted: readonly Range[]): boolean {
  return wanted.some((range) => first <= range[1] && last >= range[0]);
}

function without(characters: string, [first, last]: Range): readonly Range[] {
  const ranges: Range[] = [];
  let from = first;
  for (const code of [...characters].map((character) => character.charCodeAt(0)).sort((a, b) => a - b)) {
    if (from < code) ranges.push([from, code - 1]);
    from = code + 1;
  }
  return [...ranges, [from, last]];
}
