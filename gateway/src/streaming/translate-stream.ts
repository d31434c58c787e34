import type { StreamWriter } from '../protocols/client-protocol.ts';
import { parseObject } from '../protocols/json-fields.ts';
import { dataOf, eventSplitter, eventsIn, terminated } from '../protocols/sse.ts';
import type { StreamReader } from '../providers/dialect.ts';

/** A provider's stream as one of chat completions. Leaving it early closes the provider's. */
export async function* readAs(upstream: AsyncIterable<Buffer>, reader: StreamReader): AsyncGenerator<Buffer> {
  const splitter = eventSplitter();
  const read = (bytes: Buffer) =>
    Buffer.from(
      eventsIn(bytes.toString())
        .flatMap((event) => reader.read(event))
        .map(terminated)
        .join(''),
    );
  for await (const chunk of upstream) {
    const bytes = splitter.push(chunk);
    if (bytes === undefined) continue;
    const output = read(bytes);
    if (output.length > 0) yield output;
  }
  // What stands behind the last blank line may be a whole event all the same.
  const rest = read(splitter.rest());
  if (rest.length > 0) yield rest;
}

/** A relayed stream of chat completions, in whole events, as the client's. Leaving it early closes the relay. */
export async function* writeAs(relayed: AsyncIterable<Buffer>, writer: StreamWriter): AsyncGenerator<Buffer> {
  for await (const bytes of relayed) {
    const events = eventsIn(bytes.toString()).flatMap((event) => written(event, writer));
    if (events.length > 0) yield Buffer.from(events.map(terminated).join(''));
  }
}

function written(event: string, writer: StreamWriter): readonly string[] {
  const data = dataOf(event);
  // A comment keeps the connection alive in every protocol.
  if (data === undefined) return event.startsWith(':') ? [event] : [];
  if (data === '[DONE]') return writer.end();
  const chunk = parseObject(data);
  return chunk === undefined ? [] : writer.write(chunk);
}
