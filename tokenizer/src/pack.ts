import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Vocabulary } from './vocabulary.ts';

/** First bytes of a packed vocabulary; the digit is the version of the form. */
const MAGIC = 'AGV2';

/** Tokens that are read before other work gets its turn: about 2 ms, and up to 30 when the map has to grow. */
const SLICE = 8_192;

/** What stands before the tokens, as JSON. */
type Header = Omit<Vocabulary, 'ranks' | 'parts' | 'ids'> & {
  readonly tokens: number;
  readonly hasIds: boolean;
  readonly hasParts: boolean;
};

/**
 * A vocabulary in about a tenth of the size of its JSON, to be read without parsing it: magic, length of the header,
 * header as JSON, then the lengths of all tokens (16 bits each), the two parts of each (32 bits each) where there are any, their ids (32 bits
 * each) unless they are their ranks, and their bytes one after the other. Numbers are little-endian.
 */
export function packVocabulary({ ranks, parts, ids, ...rest }: Vocabulary): Buffer {
  const encoding = rest.unit === 'byte' ? 'latin1' : 'utf8';
  const tokens = [...ranks.keys()].map((token) => Buffer.from(token, encoding));
  const header: Header = { ...rest, tokens: tokens.length, hasIds: ids !== undefined, hasParts: parts !== undefined };
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(MAGIC.length + 4);
  start.write(MAGIC);
  start.writeUInt32LE(json.length, MAGIC.length);
  const lengths = Buffer.alloc(tokens.length * 2);
  for (const [index, token] of tokens.entries()) lengths.writeUInt16LE(token.length, index * 2);
  const idBytes = numbersIn(ids ?? new Int32Array());
  return Buffer.concat([start, json, lengths, numbersIn(parts ?? new Int32Array()), idBytes, ...tokens]);
}

/**
 * Reads a packed vocabulary a slice at a time, so that the event loop is not held up.
 * @throws Error when the bytes are not a packed vocabulary or not whole
 */
export async function unpackVocabulary(packed: Buffer): Promise<Vocabulary> {
  if (packed.length < MAGIC.length + 4 || packed.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw new Error('not a packed vocabulary of a known form');
  const headerAt = MAGIC.length + 4;
  const lengthsAt = headerAt + packed.readUInt32LE(MAGIC.length);
  const { tokens, hasIds, hasParts, ...rest } = JSON.parse(packed.toString('utf8', headerAt, lengthsAt)) as Header;
  const partsAt = lengthsAt + tokens * 2;
  const idsAt = partsAt + (hasParts ? tokens * 8 : 0);
  let at = idsAt + (hasIds ? tokens * 4 : 0);

  const parts = hasParts ? numbersAt(packed, partsAt, tokens * 2) : undefined;
  const ids = hasIds ? numbersAt(packed, idsAt, tokens) : undefined;
  const encoding = rest.unit === 'byte' ? 'latin1' : 'utf8';
  const ranks = new Map<string, number>();
  for (let rank = 0; rank < tokens; rank++) {
    if (rank % SLICE === SLICE - 1) await nextTurn();
    const end = at + packed.readUInt16LE(lengthsAt + rank * 2);
    ranks.set(packed.toString(encoding, at, end), rank);
    at = end;
  }
  if (at !== packed.length || ranks.size !== tokens) throw new Error('the packed vocabulary is not whole');
  return { ...rest, ranks, parts, ids };
}

function numbersIn(numbers: Int32Array): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [index, number] of numbers.entries()) bytes.writeInt32LE(number, index * 4);
  return bytes;
}

function numbersAt(packed: Buffer, at: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) => packed.readInt32LE(at + index * 4));
}
