import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ERRORS, type ErrorCode, locate } from '@ai-gateway/contracts';
import type { Express } from 'express';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import { COUNT_PATH, ENDPOINTS } from '../endpoints.ts';
import type { Services } from '../services.ts';
import { beginLife, failedOutcome } from './life.ts';
import { MAX_HEADERS, repeatedHeadersOf, targetOf } from './read-request.ts';
import { serveChat } from './serve-chat.ts';
import { serveCount } from './serve-count.ts';
import type { Passthrough } from './serve-passthrough.ts';
import { writeError } from './write-answer.ts';

export interface ServerOptions {
  readonly services: Services;
  readonly app: Express;
  readonly passthrough: Pick<Passthrough, 'upgrade'>;
  readonly maxBodyBytes: number;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * The gateway's HTTP server. Routes that models answer are answered straight from node:http, because express replaces
 * the prototype of every request and response, which makes all that follows slower; everything else goes to the express
 * app.
 */
export function gatewayServer({ services, app, passthrough, maxBodyBytes }: ServerOptions): Server {
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 300_000, keepAliveTimeout: 65_000, connectionsCheckingInterval: 2_000 },
    handle,
  );
  server.maxHeadersCount = MAX_HEADERS + 1;

  /** Serves a request for a model's answer, or for the tokens of one; false for all others. */
  function isAsked(message: IncomingMessage, response: ServerResponse): boolean {
    if (message.method !== 'POST') return false;
    const path = routeOf(message.url ?? '');
    const protocol = ENDPOINTS.get(path);
    if (protocol !== undefined) void serveChat(message, response, services, { protocol, maxBodyBytes });
    else if (path === COUNT_PATH) void serveCount(message, response, services, maxBodyBytes);
    else return false;
    return true;
  }

  function handle(message: IncomingMessage, response: ServerResponse): void {
    const url = message.url ?? '';
    if (isAsked(message, response)) return;
    try {
      const route = routeOf(url);
      const isOfModels = ENDPOINTS.has(route) || route === COUNT_PATH;
      if (isOfModels || !METHODS.has(message.method ?? '')) throw new GatewayError('method_not_allowed');
      targetOf(url);
      repeatedHeadersOf(message.rawHeaders);
      app(message, response);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      const life = beginLife(message, response, services);
      life.end(failedOutcome(error, false));
      writeError(response, error, life.requestId);
    }
  }

  // With a listener, Node hands over the socket of every request that asks for an upgrade.
  server.on('upgrade', (message: IncomingMessage, socket: Socket, head: Buffer) => {
    const response = new ServerResponse(message);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    void passthrough.upgrade(message, response, head);
  });
  /** The path that decides who serves a request: where its location leads, else its own. */
  function routeOf(url: string): string {
    const path = withoutQuery(url);
    return locate(services.config.current()?.locations ?? [], path)?.path ?? path;
  }

  server.on('checkContinue', (message: IncomingMessage, response: ServerResponse) => {
    const length = Number(message.headers['content-length'] ?? 0);
    if (length <= maxBodyBytes) response.writeContinue();
    handle(message, response);
  });
  server.on('connect', (_message, socket: Socket) => answerSocket(socket, 'method_not_allowed'));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else answerSocket(socket, codeOf(error));
  });
  return server;
}

function withoutQuery(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? url : url.slice(0, mark);
}

/** What llhttp and Node's timers report before there is a request. */
function codeOf({ code }: NodeJS.ErrnoException): ErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'request_headers_too_large';
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 'request_too_large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'invalid_request';
}

/** Answers on a bare socket and closes it. */
function answerSocket(socket: Socket, code: ErrorCode): void {
  const error = new GatewayError(
    code,
    code === 'invalid_request' ? { message: 'This is not a valid HTTP request.' } : {},
  );
  const body = JSON.stringify(error.body(''));
  const head = [
    `HTTP/1.1 ${ERRORS[code].status} ${code}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
