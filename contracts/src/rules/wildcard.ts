/**
 * What the `*`s of a pattern stand for in a text, in order; undefined when it does not match. Each `*` takes as little
 * as it can, the last one the rest. Linear in the text for each `*`, never exponential.
 */
export function matchWildcard(pattern: string, text: string): readonly string[] | undefined {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === text ? [] : undefined;
  const end = text.length - last.length;
  if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return undefined;

  const captured: string[] = [];
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return undefined;
    captured.push(text.slice(at, found));
    at = found + piece.length;
  }
  return [...captured, text.slice(at, end)];
}

/** A target with its `*`s replaced by what was captured, in order; one too many stands for nothing. */
export function fillWildcard(target: string, captured: readonly string[]): string {
  let next = 0;
  return target.replaceAll('*', () => captured[next++] ?? '');
}

/** How many `*`s a pattern has. */
export function wildcardsIn(pattern: string): number {
  return pattern.split('*').length - 1;
}
