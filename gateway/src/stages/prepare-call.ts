import type { Upstream } from '@ai-gateway/contracts';
import { upstreamMaxOf } from '@ai-gateway/limits';
import { GatewayError } from '../domain/gateway-error.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Target } from '../domain/target.ts';
import type { Addressed, Received, Stage } from '../exchange.ts';
import type { Losses } from '../protocols/losses.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Address, Dialect, HeaderFacts, Translation } from '../providers/dialect.ts';
import { dialectOf } from '../providers/dialects.ts';
import type { Services } from '../services.ts';
import type { OutputBounds } from './cap-output.ts';
import type { Matched } from './match-namespace.ts';
import type { Planned } from './plan-limits.ts';
import { portkeyCallOf } from './portkey-call.ts';

/** A request as a provider takes it, ready for any of its upstreams. */
export interface UpstreamCall {
  readonly path: (upstream: Upstream) => string;
  /** The secret is that of the provider key, where one is sent. */
  readonly headers: (secret: string | undefined) => Readonly<Record<string, string>>;
  readonly body: () => string;
  /** How the answer is read; undefined where the provider speaks the client's own protocol. */
  readonly translation: Translation | undefined;
  /** Fields of the request that the provider never sees. */
  readonly dropped: readonly string[];
}

/** The request as each provider takes it that may come to answer. */
export interface Prepared {
  /** Those whose provider can carry the request. */
  readonly targets: readonly Target[];
  /** For the provider of a target, and for the one that serves the model. */
  readonly callFor: (choice: ModelChoice) => UpstreamCall;
}

type Callable = Received &
  Addressed &
  Matched &
  Pick<Planned, 'facts'> &
  OutputBounds & { readonly chat: Chat; readonly choice: ModelChoice; readonly targets: readonly Target[] };

/**
 * The request in the protocol of each provider: the client's own where the provider speaks it, else translated. Comes
 * before anything is taken, so that what the provider cannot do costs nothing. A fallback that cannot carry the request
 * does not stand in.
 * @throws GatewayError `invalid_request` when the translation would lose what the answer depends on
 */
export const prepareCall: Stage<Callable, Prepared> = (exchange, services) => {
  const { choice, targets } = exchange;
  const calls = new Map([[choice, callOf(exchange, choice, services)]]);
  const callFor = (wanted: ModelChoice) => {
    const call = calls.get(wanted) ?? callOf(exchange, wanted, services);
    calls.set(wanted, call);
    return call;
  };
  const fallbacks = new Set(targets.map((target) => target.choice));
  const refusing = new Set([...fallbacks].filter((fallback) => isRefused(() => callFor(fallback))));
  return { callFor, targets: refusing.size === 0 ? targets : targets.filter((target) => !refusing.has(target.choice)) };
};

function isRefused(prepare: () => UpstreamCall): boolean {
  try {
    prepare();
    return false;
  } catch (error) {
    if (error instanceof GatewayError) return true;
    throw error;
  }
}

function callOf(exchange: Callable, choice: ModelChoice, services: Services): UpstreamCall {
  const { protocol, chat, outputCap } = exchange;
  const maxTokens = upstreamMaxOf(chat.clientMax, outputCap, choice.maxOutputTokens);
  const dialect = dialectOf(choice.provider.provider);
  const model = choice.upstreamModel;
  const addressOf = ({ baseUrl }: Upstream): Address => ({ baseUrl, model, isStream: chat.isStream });
  const headers = (secret: string | undefined) =>
    headersOf(exchange, dialect, { secret, portkey: portkeyCallOf(exchange, choice, services) });
  if (dialect.nativePath(protocol.name, { baseUrl: 'http://any', model, isStream: chat.isStream }) !== undefined) {
    const body = once(() => protocol.upstreamBody(chat, model, maxTokens));
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
    body: once(() => JSON.stringify(body)),
    translation,
    dropped,
  };
}

/** Made when it is first asked for: most fallbacks are never asked. */
function once(make: () => string): () => string {
  let made: string | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** An allow-list: nothing of the client's comes through but what the dialect names. */
function headersOf(
  { chat, headers, requestId, located }: Callable,
  dialect: Dialect,
  facts: Pick<HeaderFacts, 'secret' | 'portkey'>,
): Record<string, string> {
  const { isStream } = chat;
  return {
    'content-type': 'application/json',
    accept: isStream ? 'text/event-stream' : 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'ai-gateway',
    'x-request-id': requestId,
    ...located?.location.addHeaders,
    ...dialect.headers({ ...facts, isStream, client: headers }),
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
