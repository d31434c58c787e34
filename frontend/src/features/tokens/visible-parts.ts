/** A part of a text: as it is, or a mark for what would not be seen. */
export interface VisiblePart {
  readonly text: string;
  readonly isMark: boolean;
}

const MARKS: Readonly<Record<string, string>> = {
  ' ': '·',
  '\t': '→',
  '\n': '⏎\n',
  '\u3000': '□',
};

/** Control characters, white space, and characters of no width. */
const UNSEEN = /([\p{Cc}\p{Cf}\p{Z}]+)/u;

/** A text in parts, with marks for white space and for all that has no shape; lines still break where they did. */
export function visibleParts(text: string): readonly VisiblePart[] {
  return text
    .split(UNSEEN)
    .map((part, index) =>
      index % 2 === 0 ? { text: part, isMark: false } : { text: Array.from(part, markOf).join(''), isMark: true },
    )
    .filter((part) => part.text !== '');
}

function markOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  // Unicode has a picture of each old control character, in the same order.
  const picture =
    code < 0x20 ? String.fromCodePoint(0x2400 + code) : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return MARKS[character] ?? picture;
}
