/** Longest text, in UTF-16 units, that takes about a millisecond. */
const LONGEST = 32_768;

/** A run longer than this makes a text slow to count. */
const LONGEST_RUN = 256;

type Kind = 'letter' | 'digit' | 'other';

/** Can the text be counted and cut in about a millisecond? */
export function isQuicklyCounted(text: string): boolean {
  return text.length <= LONGEST && !hasLongRun(text);
}

/**
 * Time is linear in a text as long as it falls into words; a run of one kind of character (letters without a space, a
 * line of hyphens) is one piece, which has to be merged as a whole and may end anywhere: 16,384 letters in a row took
 * 40 ms, and 150 ms to cut (o200k_base, Node 26).
 */
export function hasLongRun(text: string): boolean {
  let run = 0;
  let before: Kind | undefined;
  for (let at = 0; at < text.length; at++) {
    const kind = kindOf(text.charCodeAt(at));
    run = kind === before ? run + 1 : 1;
    before = kind;
    if (run > LONGEST_RUN) return true;
  }
  return false;
}

/** Roughly what pre-tokenisation tells apart; a wrong guess costs time, never exactness. */
function kindOf(unit: number): Kind {
  if (unit < 0x80) {
    const small = unit | 0x20;
    if (small >= 0x61 && small <= 0x7a) return 'letter';
    return unit >= 0x30 && unit <= 0x39 ? 'digit' : 'other';
  }
  const isPunctuation =
    (unit >= 0x2000 && unit <= 0x303f && !(unit >= 0x2c00 && unit <= 0x2fff)) || (unit >= 0xff00 && unit <= 0xff20);
  const isHalfPair = unit >= 0xd800 && unit <= 0xdfff;
  return isPunctuation || isHalfPair ? 'other' : 'letter';
}
