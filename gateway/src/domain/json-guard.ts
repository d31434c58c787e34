/** Why a JSON text is refused although it may parse. */
export interface JsonFault {
  readonly message: string;
  readonly param?: string;
}

/** Deeper nesting is refused: parsers and serialisers recurse. */
const MAX_DEPTH = 64;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** By character code: what it does to the nesting. */
const NESTING = new Int8Array(128);
for (const opening of '{[') NESTING[opening.charCodeAt(0)] = 1;
for (const closing of '}]') NESTING[closing.charCodeAt(0)] = -1;

/**
 * One linear scan before JSON.parse: nesting beyond 64 levels, and top-level keys among `uniqueKeys` that occur twice
 * (parsers disagree on which one counts, so a duplicate could show the provider another value than was checked).
 */
export function jsonFault(text: string, uniqueKeys: ReadonlySet<string>): JsonFault | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let isKeyNext = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      const fault = isKeyNext ? repeatedKey(text.slice(at, end + 1), uniqueKeys, seen) : undefined;
      if (fault !== undefined) return fault;
      isKeyNext = false;
      at = end;
      continue;
    }
    const nesting = NESTING[code] ?? 0;
    depth += nesting;
    if (depth > MAX_DEPTH) return { message: `The JSON is nested deeper than ${MAX_DEPTH} levels.` };
    if (nesting === 1 || code === COMMA) isKeyNext = depth === 1;
  }
  return undefined;
}

/** Notes a key of the top level; a fault if it has been seen. */
function repeatedKey(literal: string, uniqueKeys: ReadonlySet<string>, seen: Set<string>): JsonFault | undefined {
  const key = keyOf(literal);
  if (seen.has(key)) return { message: `The key "${key}" occurs more than once.`, param: key };
  if (uniqueKeys.has(key)) seen.add(key);
  return undefined;
}

/** Index of the closing quote of the string that opens at `start`, or the last index when there is none. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length - 1;
}

function keyOf(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal;
  }
}
