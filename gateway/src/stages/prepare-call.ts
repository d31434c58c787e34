import type { Upstream } from '@ai-gateway/contracts';
import { GatewayError } from '../domain/gateway-error.ts';
import { upstreamMaxOf } from '../domain/output-cap.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Addressed, Received, Stage } from '../exchange.ts';
import type { Losses } from '../protocols/losses.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Address, Translation } from '../providers/dialect.ts';
import { dialectOf } from '../providers/dialects.ts';
import type { OutputBounds } from './cap-output.ts';

/** A request as a provider takes it, ready for any of its upstreams. */
export interface UpstreamCall {
  readonly path: (upstream: Upstream) => string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How the answer is read; undefined where the provider speaks the client's own protocol. */
  readonly translation: Translation | undefined;
  /** Fields of the request that the provider never sees. */
  readonly dropped: readonly string[];
}

type Callable = Received &
  Addressed &
  OutputBounds & { readonly chat: Chat; readonly choice: ModelChoice; readonly secret: string | undefined };

/**
 * The request in the protocol of the chosen provider: the client's own where the provider speaks it, else translated.
 * Comes before anything is taken, so that what the provider cannot do costs nothing.
 * @throws GatewayError `invalid_request` when the translation would lose what the answer depends on
 */
export const prepareCall: Stage<Callable, { readonly call: UpstreamCall }> = (exchange) => ({ call: callOf(exchange) });

function callOf(exchange: Callable): UpstreamCall {
  const { protocol, chat, choice, outputCap } = exchange;
  const maxTokens = upstreamMaxOf(chat.clientMax, outputCap);
  const dialect = dialectOf(choice.provider.provider);
  const model = choice.resolvedModel;
  const addressOf = ({ baseUrl }: Upstream): Address => ({ baseUrl, model, isStream: chat.isStream });
  const headers = headersOf(exchange);
  if (dialect.nativePath(protocol.name, { baseUrl: 'http://any', model, isStream: chat.isStream }) !== undefined) {
    const body = protocol.upstreamBody(chat, model, maxTokens);
    const path = (upstream: Upstream) => dialect.nativePath(protocol.name, addressOf(upstream)) ?? '';
    return { path, headers, body, translation: undefined, dropped: [] };
  }
  const { translation } = dialect;
  refuseVital(chat.losses);
  const { body, losses } = translation.request({ body: chat.body, model, isStream: chat.isStream, maxTokens });
  refuseVital(losses);
  const dropped = [...new Set([...chat.losses.minor, ...losses.minor])];
  if (choice.provider.provider.onUnsupported === 'refuse') refuseMinor(dropped);
  return {
    path: (upstream) => translation.path(addressOf(upstream), body),
    headers,
    body: JSON.stringify(body),
    translation,
    dropped,
  };
}

/** An allow-list: nothing of the client's comes through but what the dialect names. */
function headersOf({ choice, secret, chat, headers, requestId }: Callable): Record<string, string> {
  const { isStream } = chat;
  return {
    'content-type': 'application/json',
    accept: isStream ? 'text/event-stream' : 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'ai-gateway',
    'x-request-id': requestId,
    ...dialectOf(choice.provider.provider).headers({ secret, isStream, client: headers }),
  };
}

function refuseMinor([param]: readonly string[]): void {
  if (param === undefined) return;
  throw new GatewayError('invalid_request', {
    message: `${param}: the provider of this model does not know this.`,
    param,
  });
}

function refuseVital({ vital }: Losses): void {
  const [param] = vital;
  if (param === undefined) return;
  throw new GatewayError('invalid_request', {
    message: `${param}: the provider of this model cannot do this, and without it the answer would be another.`,
    param,
  });
}
