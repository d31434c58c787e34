/** Size of an image in pixels; both sides are at least 1. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Reads `length` bytes from `offset` on; undefined where the data end before. */
type Bytes = (offset: number, length: number) => Buffer | undefined;

/** What stands before the data of a `data:` URL is a media type and some parameters, never longer than this. */
const MAX_HEADER_LENGTH = 256;

/**
 * Pixel size of a PNG, JPEG, GIF or WebP in a base64 `data:` URL, as its header says it (the orientation in EXIF data is
 * not looked at). Undefined for other URLs, other formats and damaged data; never throws. Only the bytes that are looked
 * at are decoded: 36 at most, and 12 for each segment before a JPEG's frame header.
 */
export function imageSizeOf(url: string): ImageSize | undefined {
  const base64 = base64Of(url);
  if (base64 === undefined) return undefined;

  const bytes = bytesOf(base64);
  const size = pngSize(bytes) ?? jpegSize(bytes) ?? gifSize(bytes) ?? webpSize(bytes);
  return size === undefined || size.width < 1 || size.height < 1 ? undefined : size;
}

function base64Of(url: string): string | undefined {
  const header = /^data:([^,]*);base64,/i.exec(url.slice(0, MAX_HEADER_LENGTH));
  if (header === null) return undefined;

  const base64 = url.slice(header[0].length);
  const isWrapped = /\s/.test(base64.slice(0, MAX_HEADER_LENGTH));
  return isWrapped ? base64.replaceAll(/\s+/g, '') : base64;
}

/** Four characters hold three bytes, so any place of the data can be decoded alone. */
function bytesOf(base64: string): Bytes {
  return (offset, length) => {
    const group = Math.floor(offset / 3);
    const lastGroup = Math.ceil((offset + length) / 3);
    const decoded = Buffer.from(base64.slice(group * 4, lastGroup * 4), 'base64');
    const from = offset - group * 3;
    return decoded.length < from + length ? undefined : decoded.subarray(from, from + length);
  };
}

/** Signature, then the chunk IHDR, which must come first. */
function pngSize(bytes: Bytes): ImageSize | undefined {
  const head = bytes(0, 24);
  if (head?.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n' || head.toString('latin1', 12, 16) !== 'IHDR') {
    return undefined;
  }
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

function gifSize(bytes: Bytes): ImageSize | undefined {
  const head = bytes(0, 10);
  if (head === undefined || !/^GIF8[79]a/.test(head.toString('latin1', 0, 6))) return undefined;
  return { width: head.readUInt16LE(6), height: head.readUInt16LE(8) };
}

/** More segments than any camera or editor writes before the frame header; bounds the work on hostile data. */
const MAX_SEGMENTS = 1_000;

/** Follows the segments to the frame header (SOF0 to SOF15), which says the size. */
function jpegSize(bytes: Bytes): ImageSize | undefined {
  if (bytes(0, 2)?.readUInt16BE() !== 0xff_d8) return undefined;

  let offset = 2;
  for (let segment = 0; segment < MAX_SEGMENTS; segment++) {
    const head = bytes(offset, 4);
    if (head?.[0] !== 0xff) return undefined;

    const step = segmentLength(head);
    if (step === undefined) return undefined;
    if (step === 'frame') return frameSize(bytes(offset + 5, 4));
    offset += step;
  }
  return undefined;
}

/** Bytes to the next marker; undefined where none follows, because the picture or nonsense begins. */
function segmentLength(head: Buffer): number | 'frame' | undefined {
  const marker = head[1] ?? 0;
  const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
  if (isFrame) return 'frame';
  if (marker === 0xff) return 1;
  if (marker === 0x01) return 2;

  const length = head.readUInt16BE(2);
  const hasLength = (marker >= 0xc4 && marker <= 0xcc) || (marker >= 0xdb && marker <= 0xfe);
  return hasLength && length >= 2 ? 2 + length : undefined;
}

function frameSize(sides: Buffer | undefined): ImageSize | undefined {
  return sides === undefined ? undefined : { width: sides.readUInt16BE(2), height: sides.readUInt16BE(0) };
}

/** The three kinds of WebP keep the size in different places: lossy, lossless and extended. */
function webpSize(bytes: Bytes): ImageSize | undefined {
  const head = bytes(0, 30) ?? bytes(0, 25);
  if (head?.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WEBP') return undefined;

  const kind = head.toString('latin1', 12, 16);
  if (kind === 'VP8L' && head[20] === 0x2f) {
    const sides = head.readUInt32LE(21);
    return { width: 1 + (sides & 0x3f_ff), height: 1 + ((sides >>> 14) & 0x3f_ff) };
  }
  if (head.length < 30) return undefined;
  if (kind === 'VP8X') return { width: 1 + head.readUIntLE(24, 3), height: 1 + head.readUIntLE(27, 3) };
  if (kind === 'VP8 ' && head.readUIntBE(23, 3) === 0x9d_01_2a) {
    return { width: head.readUInt16LE(26) & 0x3f_ff, height: head.readUInt16LE(28) & 0x3f_ff };
  }
  return undefined;
}
