import type { IncomingMessage, ServerResponse } from 'node:http';

const KEPT_REQUESTS = 100;
const KEPT_BODY_BYTES = 64 * 1024;

/** How a request ended, or `open`. `mock_closed`: the mock cut it, as it was told to. */
type Ended = 'open' | 'completed' | 'client_left' | 'mock_closed';

/** One request as it reached the mock. */
interface SeenRequest {
  readonly id: number;
  readonly method: string;
  readonly url: string;
  /** Lower-case names; a repeated header is joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Body as text, at most 64 KiB of it; empty while it has not arrived, and for uploads. */
  readonly body: string;
  readonly ended: Ended;
}

/** Answer of `GET /_mock/stats`. Requests to `/_mock/*` and `/health` are not counted. */
export interface MockStats {
  /** Requests received and not yet ended, exact at every moment. */
  readonly openRequests: number;
  readonly totalRequests: number;
  readonly completed: number;
  readonly abortedByClient: number;
  readonly closedByMock: number;
  /** The newest 100 requests, oldest first. */
  readonly lastRequests: readonly SeenRequest[];
}

/** Handle of one counted request. */
export interface CountedRequest {
  /** Keeps the body, to be shown in the stats. */
  keepBody(body: Buffer): void;
  /** Says that the mock itself closes the socket. */
  closedByMock(): void;
}

/** Counts requests from their headers to their end. */
export interface Traffic {
  open(request: IncomingMessage, response: ServerResponse): CountedRequest;
  stats(): MockStats;
  /** Sets totals to zero and forgets ended requests; open ones stay counted. */
  reset(): void;
}

interface Kept {
  readonly id: number;
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  body: Buffer | undefined;
  ended: Ended;
}

/** Starts counting at zero. Costs a few hundred nanoseconds a request: headers and bodies are decoded when asked for. */
export function startTraffic(): Traffic {
  const open = new Set<Kept>();
  let last: Kept[] = [];
  let nextId = 1;
  let totals = noTotals();

  return {
    open(request, response) {
      const { method = '', url = '', rawHeaders } = request;
      const kept: Kept = { id: nextId, method, url, rawHeaders, body: undefined, ended: 'open' };
      nextId += 1;
      totals.requests += 1;
      open.add(kept);
      last.push(kept);
      if (last.length >= 2 * KEPT_REQUESTS) last = last.slice(-KEPT_REQUESTS);

      response.once('close', () => {
        open.delete(kept);
        if (response.writableFinished) kept.ended = 'completed';
        else if (kept.ended === 'open') kept.ended = 'client_left';
        totals[kept.ended] += 1;
      });
      return {
        keepBody: (body) => {
          kept.body = body;
        },
        closedByMock: () => {
          kept.ended = 'mock_closed';
        },
      };
    },
    stats: () => ({
      openRequests: open.size,
      totalRequests: totals.requests,
      completed: totals.completed,
      abortedByClient: totals.client_left,
      closedByMock: totals.mock_closed,
      lastRequests: last.slice(-KEPT_REQUESTS).map(shown),
    }),
    reset: () => {
      totals = noTotals();
      last = last.filter((kept) => open.has(kept));
    },
  };
}

function noTotals() {
  return { requests: 0, open: 0, completed: 0, client_left: 0, mock_closed: 0 };
}

function shown({ id, method, url, rawHeaders, body, ended }: Kept): SeenRequest {
  const text = body?.subarray(0, KEPT_BODY_BYTES).toString('utf8') ?? '';
  return { id, method, url, headers: headersFrom(rawHeaders), body: text, ended };
}

/** Headers by lower-case name. */
export function headersFrom(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}
