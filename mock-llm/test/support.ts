import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

/** A response as raw bytes, one buffer for each read. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly reads: readonly Buffer[];
  readonly bytes: Buffer;
  readonly text: string;
  /** Code of the error that ended the answer, or undefined when it ended well. */
  readonly torn: string | undefined;
}

/** Body of a chat request with one user message. */
export function chatBody(content: string, more: object = {}): string {
  return JSON.stringify({ model: 'Qwen3-8B', messages: [{ role: 'user', content }], ...more });
}

/** Posts a body and reads whatever comes, until the answer ends or the connection fails. */
export function post(url: string, body: string, headers: Record<string, string> = {}): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const reads: Buffer[] = [];
      let torn: string | undefined;
      incoming.on('data', (chunk: Buffer) => reads.push(chunk));
      incoming.on('error', (error: NodeJS.ErrnoException) => {
        torn = error.code ?? error.message;
      });
      incoming.on('close', () => {
        const bytes = Buffer.concat(reads);
        const { statusCode = 0, headers: received } = incoming;
        resolve({ status: statusCode, headers: received, reads, bytes, text: bytes.toString('utf8'), torn });
      });
    });
    outgoing.end(body);
  });
}

/** The `data` of each event of a stream that uses plain framing. */
export function dataOf(stream: string): string[] {
  return stream
    .split('\n\n')
    .filter((frame) => frame !== '')
    .map((frame) => frame.replace(/^data: /, ''));
}

/** The JSON events of a stream, `[DONE]` left out. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into provider JSON of many shapes
export function eventsOf(stream: string): any[] {
  return dataOf(stream)
    .filter((data) => data !== '[DONE]')
    .map((data) => JSON.parse(data));
}

/** Gets a JSON answer, whatever its status. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into provider JSON of many shapes
export async function getJson(url: string): Promise<any> {
  return (await fetch(url)).json();
}

/** Content of one choice, put together from its events. */
export function contentOf(stream: string, index = 0): string {
  return eventsOf(stream)
    .flatMap((event) => event.choices)
    .filter((choice) => choice.index === index)
    .map((choice) => choice.delta.content ?? '')
    .join('');
}

/** Resolves once a condition holds; fails after two seconds. */
export async function eventually(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 2000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('the condition did not come true within 2 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
