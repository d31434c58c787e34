import { REQUEST_LOG_PATH } from '@ai-gateway/contracts';
import { request } from 'undici';
import type { ShipRecords } from './request-log-outbox.ts';

export interface HttpRequestLogOptions {
  readonly url: URL;
  readonly token: string;
}

const TIMEOUT_MS = 5_000;

/** Tells records to the config center. */
export function httpRequestLog({ url, token }: HttpRequestLogOptions): ShipRecords {
  return async (records) => {
    const { statusCode, body } = await request(new URL(REQUEST_LOG_PATH, url), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ records }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await body.dump();
    if (statusCode !== 200) throw new Error(`the config center answers ${statusCode}`);
  };
}
