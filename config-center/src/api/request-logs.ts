import { ADMIN_API, type RequestLogRow, requestRecordShape } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import { type LogCursor, type LogRow, listRequestLog } from '../db/request-log.ts';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { handle } from './handle.ts';

export interface RequestLogOptions {
  readonly store: Store;
  readonly authorize: RequestHandler;
}

/** The log of ended requests, page by page. */
export function requestLogRoutes(app: Express, { store, authorize }: RequestLogOptions): void {
  handle(app, ADMIN_API.requestLogs.list, authorize, async ({ query: { cursor, from, to, size, ...filters } }) => {
    const rows = await listRequestLog(store.connection, {
      ...filters,
      fromMs: from === undefined ? undefined : Date.parse(from),
      toMs: to === undefined ? undefined : Date.parse(to),
      after: cursor === undefined ? undefined : cursorIn(cursor),
      order: 'newest',
      size: size + 1,
    });
    const shown = rows.slice(0, size);
    const last = shown.at(-1);
    const isMore = rows.length > size && last !== undefined;
    return { items: shown.map(rowOf), ...(isMore && { cursor: `${last.atMs}_${last.id}` }) };
  });
}

/** A record as it is shown. */
export function rowOf({ record }: Pick<LogRow, 'record'>): RequestLogRow {
  return requestRecordShape.parse(JSON.parse(record));
}

/** @throws Refusal 400 */
function cursorIn(text: string): LogCursor {
  const [, atMs, id] = /^(\d{1,15})_(\d{1,15})$/.exec(text) ?? [];
  if (atMs !== undefined && id !== undefined) return { atMs: Number(atMs), id: Number(id) };
  const message = 'This is not a cursor of an earlier answer.';
  throw new Refusal(400, message, [{ path: 'cursor', message }]);
}
