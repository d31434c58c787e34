import type { IncomingMessage } from 'node:http';

/** Headers of the client that reach the provider; everything else stays here. */
const FORWARDED = new Set(['accept', 'content-length', 'content-type', 'transfer-encoding', 'range', 'openai-beta']);

/** What a WebSocket handshake needs beside them. */
const HANDSHAKE = new Set([
  'connection',
  'upgrade',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'openai-beta',
]);

/** Headers of the provider that reach the client. */
export const RETURNED = [
  'content-type',
  'content-length',
  'content-disposition',
  'content-range',
  'accept-ranges',
  'cache-control',
  'retry-after',
  'retry-after-ms',
];

/** Headers of an accepted handshake that reach the client. */
const ACCEPTED = new Set([
  'connection',
  'upgrade',
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
]);

/** How browsers, which cannot set headers, hand over their key: https://platform.openai.com/docs/guides/realtime-websocket */
const KEY_PROTOCOL = 'openai-insecure-api-key.';

/** Leaves what may reach the provider, and adds what is ours: `own` are the headers of the provider's own protocol. */
export function allowHeaders(
  message: IncomingMessage,
  kind: 'http' | 'websocket',
  { own, requestId }: { readonly own: Readonly<Record<string, string>>; readonly requestId: string },
): void {
  const allowed = kind === 'http' ? FORWARDED : HANDSHAKE;
  for (const name of Object.keys(message.headers)) if (!allowed.has(name)) delete message.headers[name];
  message.headers['x-request-id'] = requestId;
  message.headers['user-agent'] = 'ai-gateway';
  Object.assign(message.headers, own);
}

/** Leaves what may reach the client of an accepted handshake. */
export function allowHandshake(accepted: IncomingMessage, requestId: string): void {
  for (const name of Object.keys(accepted.headers)) if (!ACCEPTED.has(name)) delete accepted.headers[name];
  accepted.headers['x-request-id'] = requestId;
}

/** Takes a key out of the subprotocols that a client offers and puts it where keys are looked for. */
export function takeKeyFromProtocols(message: IncomingMessage): void {
  const offered = (message.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  const key = offered.find((protocol) => protocol.startsWith(KEY_PROTOCOL));
  if (key === undefined) return;
  message.headers['sec-websocket-protocol'] = offered.filter((protocol) => protocol !== key).join(', ');
  message.headers.authorization ??= `Bearer ${key.slice(KEY_PROTOCOL.length)}`;
}
