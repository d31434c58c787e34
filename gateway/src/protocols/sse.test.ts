import { describe, expect, it } from 'vitest';
import { dataOf, eventSplitter, eventsIn, MAX_EVENT_BYTES } from './sse.ts';

const EVENTS = ['data: {"a":"你好👩‍👧"}', ': ping', 'event: x\ndata: one\ndata: two', 'data:[DONE]'];

describe.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
])('line ends %s', (_name, end) => {
  const bytes = Buffer.from(EVENTS.map((event) => `${event.replaceAll('\n', end)}${end}${end}`).join(''));

  it('finds the same events wherever the stream is split in two', () => {
    for (let at = 0; at <= bytes.length; at++) {
      const splitter = eventSplitter();
      const parts = [bytes.subarray(0, at), bytes.subarray(at)].map((part) => splitter.push(part) ?? Buffer.alloc(0));
      const found = parts.flatMap((part) => eventsIn(part.toString()));
      expect([...found, ...eventsIn(splitter.rest().toString())]).toEqual(EVENTS);
    }
  });

  it('and byte by byte', () => {
    const splitter = eventSplitter();
    const found = [...bytes].flatMap((byte) =>
      eventsIn((splitter.push(Buffer.from([byte])) ?? Buffer.alloc(0)).toString()),
    );
    expect([...found, ...eventsIn(splitter.rest().toString())]).toEqual(EVENTS);
  });
});

it('gives an incomplete event only as the rest', () => {
  const splitter = eventSplitter();
  expect(splitter.push(Buffer.from('data: 1\n\ndata: 2'))?.toString()).toBe('data: 1\n\n');
  expect(splitter.rest().toString()).toBe('data: 2');
});

it('reads an event behind a byte order mark', () => {
  expect(eventsIn('\ufeffdata: 1\n\n')).toEqual(['data: 1']);
});

it('refuses a giant event', () => {
  const splitter = eventSplitter();
  expect(() => {
    for (let bytes = 0; bytes <= MAX_EVENT_BYTES; bytes += 65_536) splitter.push(Buffer.alloc(65_536, 'x'));
  }).toThrow(RangeError);
});

it.each([
  ['data: x', 'x'],
  ['data:x', 'x'],
  ['data:  x', ' x'],
  ['data', ''],
  [': comment', undefined],
  ['event: a\nid: 1', undefined],
  ['data: a\n: c\ndata: b', 'a\nb'],
])('reads the data of %j', (event, data) => {
  expect(dataOf(event)).toBe(data);
});
