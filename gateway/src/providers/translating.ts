import { GatewayError } from '../domain/gateway-error.ts';
import { type JsonObject, parseObject } from '../protocols/json-fields.ts';
import type { NotedLosses } from '../protocols/losses.ts';
import { dataOf } from '../protocols/sse.ts';

/** Fields of chat completions without which the answer would be another. */
const VITAL: ReadonlySet<string> = new Set(['functions', 'function_call', 'web_search_options', 'audio', 'modalities']);

/** Notes every field of a request that is set and not translated. `false`, `0` and empty lists ask for nothing. */
export function noteUnknown(body: JsonObject, translated: ReadonlySet<string>, losses: NotedLosses): void {
  for (const [name, value] of Object.entries(body)) {
    const asksNothing = value === undefined || value === null || value === false || value === 0;
    if (translated.has(name) || asksNothing || (Array.isArray(value) && value.length === 0)) continue;
    losses.note(name, VITAL.has(name) ? 'vital' : 'minor');
  }
}

/** The refusal of something that the provider has no form for. */
export function refused(param: string, what: string): GatewayError {
  return new GatewayError('invalid_request', {
    message: `${param}: the provider of this model takes no ${what}.`,
    param,
  });
}

/**
 * The JSON object in an event of a provider; undefined for a comment.
 * @throws GatewayError `upstream_error` when its data is something else
 */
export function eventObject(event: string): JsonObject | undefined {
  const data = dataOf(event);
  if (data === undefined) return undefined;
  const parsed = parseObject(data);
  if (parsed !== undefined) return parsed;
  throw new GatewayError('upstream_error', { message: 'The provider sent an event that is not JSON.' });
}

/** Media type and content of a `data:` URL in base64 (RFC 2397); undefined for any other URL. */
export function dataUrlParts(url: string): { readonly mediaType: string; readonly base64: string } | undefined {
  const comma = url.indexOf(',');
  const head = comma === -1 ? '' : url.slice(0, comma);
  if (!/^data:[^;,]*(;[^;,]*)*;base64$/i.test(head)) return undefined;
  return { mediaType: head.slice('data:'.length).split(';')[0] || 'text/plain', base64: url.slice(comma + 1) };
}
