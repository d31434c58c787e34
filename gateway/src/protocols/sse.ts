/** Largest event that is accepted, in bytes; a provider that sends more is cut off. */
export const MAX_EVENT_BYTES = 1_048_576;

/** A stream of complete server-sent events, cut out of arbitrary chunks. */
export interface EventSplitter {
  /**
   * Takes a chunk and returns the bytes up to the last complete event, or undefined when none is complete yet.
   * @throws RangeError when an event exceeds `MAX_EVENT_BYTES`
   */
  push(chunk: Buffer): Buffer | undefined;
  /** The bytes after the last complete event. */
  rest(): Buffer;
}

const LF = 0x0a;
const CR = 0x0d;
const BYTE_ORDER_MARK = 0xfeff;

/**
 * Splits at blank lines on bytes, so that characters cut by chunk borders meet again before they are decoded.
 * Line ends may be LF, CRLF or CR (WHATWG HTML, server-sent events).
 */
export function eventSplitter(): EventSplitter {
  let pending: Buffer[] = [];
  let pendingBytes = 0;

  function keep(bytes: Buffer): undefined {
    if (bytes.length > 0) pending.push(bytes);
    pendingBytes += bytes.length;
    if (pendingBytes > MAX_EVENT_BYTES) throw new RangeError(`an event exceeds ${MAX_EVENT_BYTES} bytes`);
  }

  return {
    push(chunk) {
      // A blank line may be split between chunks: look at the end of what is pending together with the chunk.
      const joined = pending.length === 0 ? chunk : Buffer.concat([...pending, chunk]);
      const from = Math.max(0, pendingBytes - 3);
      const end = lastEventEnd(joined, from);
      pending = [];
      pendingBytes = 0;
      if (end === -1) return keep(joined);
      keep(joined.subarray(end));
      return joined.subarray(0, end);
    },
    rest: () => Buffer.concat(pending),
  };
}

/** Index after the last blank line that ends at or after `from`, or -1. */
function lastEventEnd(bytes: Buffer, from: number): number {
  for (let at = bytes.length - 1; at > from; at--) {
    const code = bytes[at];
    if (code !== LF && code !== CR) continue;
    const before = bytes[at - 1];
    if (code === LF && before === LF) return at + 1;
    if (code === CR && (before === CR || before === LF)) return at + 1;
    if (code === LF && before === CR && at >= 2 && (bytes[at - 2] === LF || bytes[at - 2] === CR)) return at + 1;
  }
  return -1;
}

/**
 * The events of a decoded text of complete events, each without its blank line.
 * A line feed at the start is the second half of a CRLF whose first half ended the text before; a byte order mark may
 * stand before the first event.
 */
export function eventsIn(text: string): string[] {
  const normal = text.includes('\r') ? text.replaceAll('\r\n', '\n').replaceAll('\r', '\n') : text;
  const first = normal.charCodeAt(0);
  const trimmed = first === LF || first === BYTE_ORDER_MARK ? normal.replace(/^[\ufeff\n]+/, '') : normal;
  return trimmed.split(/\n\n+/).filter((event) => event !== '');
}

/** The `data` of an event: its data lines joined by LF; undefined for an event without any (a comment, a ping). */
export function dataOf(event: string): string | undefined {
  if (event.startsWith('data: ') && !event.includes('\n')) return event.slice(6);
  const lines = event
    .split('\n')
    .filter((line) => line === 'data' || line.startsWith('data:'))
    .map((line) => line.slice(5).replace(/^ /, ''));
  return lines.length === 0 ? undefined : lines.join('\n');
}

/** An event with the blank line that ends it. */
export function terminated(event: string): string {
  return `${event}\n\n`;
}

/** An event with a name and JSON data, without its blank line. */
export function namedEvent(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}`;
}
