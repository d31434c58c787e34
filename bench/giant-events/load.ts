import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import type { FromLoad, GiantKind, ToLoad } from './kinds.ts';

/** The provider of giant events and the clients that read them, in a thread of their own, so that they delay no probe. */

const port = parentPort;
if (port === null) throw new Error('this runs in a worker thread only');
const tell = (message: FromLoad) => port.postMessage(message);

const DOCUMENTS = join(import.meta.dirname, '../../docs');

const server = createServer((request, response) => {
  request.resume().on('end', () => void pour(response, kinds.get(request.url?.split('/')[1] ?? '')));
});
const kinds = new Map<string, GiantKind>();

/** English text, as documents have it. */
const TEXT = readdirSync(DOCUMENTS)
  .map((name) => readFileSync(join(DOCUMENTS, name), 'utf8'))
  .join('\n');

let leaving = new AbortController();
let readBytes = 0;
let endedStreams = 0;
let clients: Promise<void>[] = [];

port.on('message', (message: ToLoad) => {
  if (message.kind === 'start') {
    const { giant, gatewayUrl, streams } = message;
    kinds.set(giant.model, giant);
    leaving = new AbortController();
    readBytes = 0;
    endedStreams = 0;
    clients = Array.from({ length: streams }, () => readForEver(gatewayUrl, giant, leaving.signal));
    return;
  }
  leaving.abort();
  void Promise.all(clients).then(() => tell({ kind: 'stopped', readBytes, endedStreams }));
});
server.listen(0, '127.0.0.1', () => {
  tell({ kind: 'listening', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});

/** Streams events for as long as somebody reads. */
async function pour(response: ServerResponse, giant: GiantKind | undefined): Promise<void> {
  if (giant === undefined) return void response.writeHead(404).end();
  response.setMaxListeners(0).writeHead(200, { 'content-type': 'text/event-stream' });
  const event = eventOf(giant);
  while (!response.destroyed) {
    const pieceBytes = giant.pieceBytes ?? event.length;
    for (let at = 0; at < event.length && !response.destroyed; at += pieceBytes) {
      const isFlowing = response.write(event.subarray(at, at + pieceBytes));
      if (!isFlowing) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
      else if (giant.pieceBytes !== undefined) await nextTurn();
    }
  }
}

function eventOf({ textBytes, isEndless }: GiantKind): Buffer {
  const content = TEXT.repeat(Math.ceil(textBytes / TEXT.length)).slice(0, textBytes);
  const choices = [{ index: 0, delta: { content }, finish_reason: null }];
  return Buffer.from(`data: ${JSON.stringify({ id: 'c', choices })}${isEndless ? '' : '\n\n'}`);
}

/** Asks again whenever a stream ends, until it is told to leave. */
async function readForEver(gatewayUrl: string, { model, channel }: GiantKind, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch(`${gatewayUrl}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-channel-code': channel },
        body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'pour' }] }),
        signal,
      });
      for await (const chunk of response.body ?? []) readBytes += chunk.length;
      endedStreams++;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
