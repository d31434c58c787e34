import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageSizeOf } from './image-size.ts';

function dataUrl(bytes: Uint8Array, type = 'image/png'): string {
  return `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
}

function png(width: number, height: number): Buffer {
  const head = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\0\0\x08\x06\0\0\0', 'latin1');
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return head;
}

function gif(version: string, width: number, height: number): Buffer {
  return Buffer.from([...Buffer.from(version), width & 255, width >> 8, height & 255, height >> 8, 0xf7, 0, 0]);
}

function jpegSegment(marker: number, body: Uint8Array): Buffer {
  return Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255, ...body]);
}

function jpegFrame(marker: number, width: number, height: number): Buffer {
  return jpegSegment(marker, Buffer.from([8, height >> 8, height & 255, width >> 8, width & 255, 3]));
}

function jpeg(...segments: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...segments]);
}

function webp(kind: string, body: readonly number[]): Buffer {
  return Buffer.from([...Buffer.from(`RIFF....WEBP${kind}....`), ...body]);
}

/** An EXIF segment with a thumbnail, a picture of its own whose size is another. */
const EXIF = jpegSegment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), jpeg(jpegFrame(0xc0, 160, 120))]));

const HD = { width: 1_920, height: 1_080 };

const IMAGES: readonly (readonly [string, Buffer])[] = [
  ['PNG', png(1_920, 1_080)],
  ['GIF87a', gif('GIF87a', 1_920, 1_080)],
  ['GIF89a', gif('GIF89a', 1_920, 1_080)],
  ['baseline JPEG', jpeg(jpegFrame(0xc0, 1_920, 1_080))],
  ['progressive JPEG after EXIF', jpeg(EXIF, jpegFrame(0xc2, 1_920, 1_080))],
  ['JPEG with tables first', jpeg(jpegSegment(0xc4, Buffer.alloc(30)), jpegFrame(0xc1, 1_920, 1_080))],
  ['JPEG with filled markers', jpeg(Buffer.alloc(7, 0xff), jpegFrame(0xc0, 1_920, 1_080))],
  [
    'JPEG after 20 MB of other segments',
    jpeg(
      ...Array.from({ length: 320 }, () => jpegSegment(0xe2, Buffer.alloc(65_000, 0xc0))),
      jpegFrame(0xc0, 1_920, 1_080),
    ),
  ],
  ['lossy WebP', webp('VP8 ', [0x30, 1, 0, 0x9d, 0x01, 0x2a, 0x80, 0x07, 0x38, 0x04])],
  ['lossless WebP', webp('VP8L', [0x2f, 0x7f, 0xc7, 0x0d, 0x01])],
  ['extended WebP', webp('VP8X', [0, 0, 0, 0, 0x7f, 0x07, 0, 0x37, 0x04, 0])],
];

describe('imageSizeOf', () => {
  it.each(IMAGES)('reads %s', (_name, bytes) => {
    expect(imageSizeOf(dataUrl(bytes))).toEqual(HD);
  });

  it.each(IMAGES)('gives nothing for %s that ends too early', (_name, bytes) => {
    const whole = bytes.subarray(0, bytes.length > 1_000 ? 1_000 : bytes.length);
    for (let length = 0; length < whole.length; length++) {
      const size = imageSizeOf(dataUrl(whole.subarray(0, length)));
      if (size !== undefined) expect(size).toEqual(HD);
    }
    expect(imageSizeOf(dataUrl(bytes.subarray(0, 9)))).toBeUndefined();
  });

  it('reads what the URL is and not what it says it is', () => {
    expect(imageSizeOf(dataUrl(png(3, 4), 'image/jpeg'))).toEqual({ width: 3, height: 4 });
    expect(imageSizeOf(dataUrl(png(3, 4), 'image/png;name=a.png'))).toEqual({ width: 3, height: 4 });
    expect(imageSizeOf(dataUrl(png(3, 4)).replace('data:image/png;base64', 'DATA:image/png;BASE64'))).toEqual({
      width: 3,
      height: 4,
    });
  });

  it('reads base64 in lines', () => {
    const bytes = Buffer.concat([jpeg(EXIF, jpegSegment(0xe2, Buffer.alloc(900)), jpegFrame(0xc0, 640, 480))]);
    const lines = bytes.toString('base64').replaceAll(/.{76}/g, '$&\r\n');
    expect(imageSizeOf(`data:image/jpeg;base64,${lines}`)).toEqual({ width: 640, height: 480 });
  });

  it.each([
    ['an address', 'https://example.com/image.png'],
    ['nothing', ''],
    ['no data', 'data:image/png;base64,'],
    ['text', 'data:text/plain,hello'],
    ['data that are not base64', `data:image/png,${png(3, 4).toString('latin1')}`],
    ['a header that does not end', `data:${'x'.repeat(1_000_000)};base64,${png(3, 4).toString('base64')}`],
    ['another format', dataUrl(Buffer.from('BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0', 'latin1'))],
    ['an SVG', dataUrl(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="3" height="4"/>'))],
    ['a side of 0', dataUrl(png(0, 4))],
    ['a JPEG whose height comes later', dataUrl(jpeg(jpegFrame(0xc0, 640, 0)))],
    ['a JPEG whose picture begins before its frame', dataUrl(jpeg(jpegSegment(0xda, Buffer.alloc(8))))],
    ['a JPEG segment of impossible length', dataUrl(jpeg(Buffer.from([0xff, 0xe0, 0, 1, 0xff, 0xc0])))],
    ['a WebP without a start code', dataUrl(webp('VP8 ', [0x30, 1, 0, 0, 0, 0, 0x80, 0x07, 0x38, 0x04]))],
  ])('gives nothing for %s', (_name, url) => {
    expect(imageSizeOf(url)).toBeUndefined();
  });

  it('never throws', () => {
    const head = fc.constantFrom(...IMAGES.slice(0, 7).map(([, bytes]) => bytes.subarray(0, 40)), Buffer.alloc(0));
    fc.assert(
      fc.property(head, fc.uint8Array({ maxLength: 60 }), fc.nat(40), (start, rest, kept) => {
        const size = imageSizeOf(dataUrl(Buffer.concat([start.subarray(0, kept), rest])));
        if (size !== undefined) expect(Math.min(size.width, size.height)).toBeGreaterThan(0);
      }),
      { numRuns: 5_000 },
    );
    fc.assert(fc.property(fc.string(), (text) => void imageSizeOf(`data:image/png;base64,${text}`)));
  });

  it.each([
    ['markers only', Buffer.alloc(8_000_000, 0xff)],
    ['segments without content', Buffer.concat(Array.from({ length: 200_000 }, () => Buffer.from([0xff, 0xe0, 0, 2])))],
    ['zeros', Buffer.alloc(8_000_000)],
  ])('does not read through a hostile JPEG of %s', (_name, rest) => {
    const url = dataUrl(jpeg(rest));
    const started = performance.now();
    expect(imageSizeOf(url)).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
