import { gzipSync } from 'node:zlib';
import type { Controls } from './controls.ts';

/** How an answer stops. `destroy` closes the socket without ending the answer, `reset` sends TCP RST, `hang` neither. */
type Ending = 'end' | 'destroy' | 'reset' | 'hang';

/** Everything that is sent for one request, and when. */
export interface Delivery {
  readonly status: number;
  /** Names and values in turn, as `writeHead` takes them. */
  readonly headers: readonly string[];
  /** Undefined: the answer stops before its headers. */
  readonly writes: readonly Buffer[] | undefined;
  readonly ending: Ending;
  /** Wait before the headers, between headers and first write, and between writes, in ms. */
  readonly firstDelayMs: number;
  readonly bodyDelayMs: number;
  readonly delayMs: number;
}

/** Sends the frames of an event stream; `die-after`, `hang-after` and `end-after` count frames. */
export function deliverFrames(frames: readonly string[], controls: Controls): Delivery {
  const stop = stopOf(controls);
  const sent = stop === undefined ? frames : frames.slice(0, stop.after);
  const perWrite = controls.eventsPerWrite ?? ((controls.delayMs ?? 0) > 0 ? 1 : 0);
  const groups = perWrite === 0 ? [sent] : grouped(sent, perWrite);
  const writes = groups.map((group) => Buffer.from(group.join(''))).filter((bytes) => bytes.length > 0);
  return shaped({
    status: controls.status ?? 200,
    headers: ['content-type', 'text/event-stream; charset=utf-8', 'cache-control', 'no-cache'],
    writes,
    ending: stop?.ending ?? 'end',
    controls,
  });
}

/** A body that is not an event stream. */
export interface Body {
  readonly status?: number;
  readonly contentType: string;
  readonly headers?: readonly string[];
  readonly bytes: Buffer;
  /** Most bytes of one write; all in one when left out. */
  readonly bytesPerWrite?: number;
}

/** Sends a body of known length; `die-after`, `hang-after` and `end-after` count bytes. */
export function deliverBody(body: Body, controls: Controls): Delivery {
  const stop = stopOf(controls);
  const sent = stop === undefined ? body.bytes : body.bytes.subarray(0, stop.after);
  const whole = controls.gzip === true || stop?.ending === 'end' ? [] : ['content-length', String(body.bytes.length)];
  return shaped({
    status: body.status ?? controls.status ?? 200,
    headers: ['content-type', body.contentType, ...whole, ...(body.headers ?? [])],
    writes: body.bytesPerWrite === undefined ? [sent] : chopped(sent, body.bytesPerWrite),
    ending: stop?.ending ?? 'end',
    controls,
  });
}

/** Whether a request gets no answer at all: `reset` or `hang`. */
export function deliverNothing(controls: Controls): Delivery | undefined {
  const ending = silentEnding(controls);
  if (ending === undefined) return undefined;
  return { status: 0, headers: [], writes: undefined, ending, ...delaysOf(controls) };
}

function silentEnding(controls: Controls): Ending | undefined {
  if (controls.reset === true) return 'reset';
  return controls.hang === true ? 'hang' : undefined;
}

interface Shape extends Pick<Delivery, 'status' | 'headers' | 'ending'> {
  readonly writes: readonly Buffer[];
  readonly controls: Controls;
}

function shaped({ status, headers, writes, ending, controls }: Shape): Delivery {
  const { slowBytes, utf8Split, gzip, header } = controls;
  const zipped = gzip === true ? writes.map((bytes) => gzipSync(bytes)) : writes;
  const split = utf8Split === true ? zipped.flatMap(splitInsideCharacters) : zipped;
  const slowed = slowBytes === undefined ? split : split.flatMap((bytes) => chopped(bytes, slowBytes));
  const colon = header?.indexOf(':') ?? 0;
  return {
    status,
    headers: [
      ...headers,
      ...(gzip === true ? ['content-encoding', 'gzip'] : []),
      ...(header === undefined ? [] : [header.slice(0, colon), header.slice(colon + 1).trim()]),
    ],
    writes: slowed,
    ending,
    ...delaysOf(controls),
  };
}

function delaysOf({ firstDelayMs, bodyDelayMs, delayMs, slowBytes, utf8Split }: Controls) {
  // Writes without a pause would often arrive as one read, and the split would test nothing.
  const pauseMs = slowBytes !== undefined || utf8Split === true ? 1 : 0;
  return { firstDelayMs: firstDelayMs ?? 0, bodyDelayMs: bodyDelayMs ?? 0, delayMs: delayMs ?? pauseMs };
}

function stopOf(controls: Controls): { readonly after: number; readonly ending: Ending } | undefined {
  const { dieAfter, hangAfter, endAfter, rst } = controls;
  if (dieAfter !== undefined) return { after: dieAfter, ending: rst === true ? 'reset' : 'destroy' };
  if (hangAfter !== undefined) return { after: hangAfter, ending: 'hang' };
  return endAfter === undefined ? undefined : { after: endAfter, ending: 'end' };
}

function grouped<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}

function chopped(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

/** Cuts after the first byte of every character that has several. */
function splitInsideCharacters(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    // 0b11xxxxxx opens a character of two to four bytes.
    if (((bytes[index] ?? 0) & 0xc0) !== 0xc0) continue;
    pieces.push(bytes.subarray(start, index + 1));
    start = index + 1;
  }
  pieces.push(bytes.subarray(start));
  return pieces;
}
