import type { Agent, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import httpProxy from 'http-proxy';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import { NO_USAGE } from '../domain/outcome.ts';
import { passthroughPipeline } from '../pipeline.ts';
import type { ConnectGuard, Services } from '../services.ts';
import { watchAttempt } from './attempt-timers.ts';
import { beginLife, failedOutcome, type Life } from './life.ts';
import { allowHandshake, allowHeaders, takeKeyFromProtocols } from './passthrough-headers.ts';
import {
  type Beginning,
  beginAttempt,
  checkUrl,
  failedAttempt,
  noteBeginning,
  providerHeaders,
  refusedAttempt,
  targetUrl,
} from './passthrough-target.ts';
import { targetOf } from './read-request.ts';
import { REALTIME_PATH } from './routes.ts';
import { writeError } from './write-answer.ts';

/** A close frame of the code 1001 (RFC 6455, 5.5.1 and 7.4.1); frames of a server are not masked. */
const GOING_AWAY = Buffer.from([0x88, 2, 0x03, 0xe9]);

/** Passes WebSockets through. */
export interface Realtime {
  /** `response` is assigned to the client's socket. Never rejects. */
  serve(message: IncomingMessage, response: ServerResponse, head: Buffer): Promise<void>;
  close(): void;
}

/** One WebSocket, from the handshake to its end. */
interface Session extends Beginning {
  readonly message: IncomingMessage;
  readonly head: Buffer;
  readonly socket: Socket;
  readonly life: Life;
}

/** What sessions need beside the services. */
export interface RealtimeOptions {
  readonly guard: ConnectGuard;
  readonly agentOf: (url: string) => Agent;
  /** Silence of both sides after which a session is closed, ms; 0 = never. */
  readonly idleMs: number;
}

/** Both ends of a session are closed when one is; it holds its concurrency slot until then. */
export function realtime(services: Services, { guard, agentOf, idleMs }: RealtimeOptions): Realtime {
  const open = new Set<Socket>();

  async function serve(message: IncomingMessage, response: ServerResponse, head: Buffer): Promise<void> {
    const life = beginLife(message, response, services);
    const socket = message.socket;
    socket.on('error', () => socket.destroy());
    try {
      const path = targetOf(message.url ?? '');
      if (path.path !== REALTIME_PATH || message.headers.upgrade?.toLowerCase() !== 'websocket') {
        throw new GatewayError('upgrade_not_supported');
      }
      takeKeyFromProtocols(message);
      const received = life.received(path, new Uint8Array());
      const { targets } = await passthroughPipeline.run(received, services);
      const beginning = beginAttempt(targets, services);
      noteBeginning(beginning, life);
      received.defer(beginning.attempt.end);
      open.add(socket);
      await runSession({ message, head, socket, life, ...beginning });
    } catch (thrown) {
      const error = asGatewayError(thrown);
      life.end(failedOutcome(error, life.hasClientLeft()), error.details.internal);
      writeError(response, error, life.requestId);
      socket.end();
    } finally {
      open.delete(socket);
    }
  }

  /** Resolves when the session has ended; rejects when there was none. */
  function runSession({ message, head, socket, life, target, attempt, key }: Session): Promise<void> {
    const url = targetUrl(message.url ?? '', target);
    checkUrl(guard, url, attempt);
    const own = providerHeaders({ target, attempt, key }, message.headers);
    allowHeaders(message, 'websocket', { own, requestId: life.requestId });
    const before = { read: socket.bytesRead - head.length, written: socket.bytesWritten };
    // Its events have no other way to tell which request they are about.
    const proxy = httpProxy.createProxyServer({ ignorePath: true, xfwd: false });
    return new Promise((resolve, reject) => {
      proxy.on('proxyReqWs', (upstreamRequest) => {
        const timers = watchAttempt(upstreamRequest, target.upstream);
        socket.once('close', () => upstreamRequest.destroy());
        // http-proxy would hand a refusal on with all its headers, and close the socket before we can answer an error.
        queueMicrotask(() => {
          upstreamRequest.removeAllListeners('error').removeAllListeners('response');
          upstreamRequest.on('error', (error) => reject(failedAttempt(error, attempt, life)));
          upstreamRequest.on('response', (refused: IncomingMessage) => {
            refused.destroy();
            reject(refusedHandshake(refused, { attempt, key }));
          });
        });
        upstreamRequest.on('upgrade', (accepted: IncomingMessage, upstreamSocket: Socket) => {
          timers.stop();
          upstreamSocket.setTimeout(0);
          attempt.answered(accepted.headers, key?.id);
          allowHandshake(accepted, life.requestId);
          life.firstByte();
          bindSockets(socket, upstreamSocket);
          closeWhenIdle(socket, idleMs);
          socket.once('close', () => {
            life.notes.bytesIn = socket.bytesRead - before.read;
            life.notes.bytesOut = socket.bytesWritten - before.written;
            life.end({ kind: 'completed', status: 101, usage: NO_USAGE });
            resolve();
          });
        });
      });
      proxy.ws(message, socket, head, { target: url, changeOrigin: true, agent: agentOf(url) }, (error) =>
        reject(failedAttempt(error, attempt, life)),
      );
    });
  }

  return {
    serve,
    close() {
      for (const socket of open) socket.destroy();
    },
  };
}

/** A WebSocket has no half-open state: when one side has gone, so does the other. */
function bindSockets(client: Socket, upstream: Socket): void {
  client.once('close', () => upstream.destroy());
  upstream.once('close', () => client.destroySoon());
  upstream.on('error', () => upstream.destroy());
}

/** All that is said passes through the client's socket, so its silence is that of both sides. */
function closeWhenIdle(client: Socket, idleMs: number): void {
  client.setTimeout(idleMs, () => {
    client.write(GOING_AWAY);
    client.destroySoon();
  });
}

function refusedHandshake(answer: IncomingMessage, beginning: Pick<Beginning, 'attempt' | 'key'>): GatewayError {
  const { status } = refusedAttempt(answer, beginning);
  const internal = `upstream answered ${status} to the handshake`;
  return new GatewayError('upstream_error', { message: 'The provider did not accept the WebSocket.', internal });
}
