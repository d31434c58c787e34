import type { IncomingMessage, ServerResponse } from 'node:http';

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Hands over the whole body of a request; one over 64 MiB is answered 413. Not called when the client leaves first. */
export function collectBody(request: IncomingMessage, response: ServerResponse, onBody: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  });
  request.on('end', () => {
    if (size > MAX_BODY_BYTES) {
      response.writeHead(413, { 'content-type': 'application/json', connection: 'close' });
      response.end('{"error":{"message":"Body too large.","type":"invalid_request_error","param":null,"code":null}}');
      return;
    }
    const only = chunks[0];
    onBody(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks));
  });
}

/** The controls in the query parameter `mock` of a URL. */
export function queryControls(url: string): string | undefined {
  const mark = url.indexOf('?');
  if (mark < 0) return undefined;
  return new URLSearchParams(url.slice(mark + 1)).get('mock') ?? undefined;
}
