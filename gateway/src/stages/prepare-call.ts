import type { UnsupportedAction, Upstream } from '@ai-gateway/contracts';
import { upstreamMaxOf } from '@ai-gateway/limits';
import { GatewayError } from '../domain/gateway-error.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Target } from '../domain/target.ts';
import { leftOut } from '../domain/unsupported.ts';
import type { Addressed, Received, Stage } from '../exchange.ts';
import { beyondModel, withinModel } from '../protocols/capabilities.ts';
import { isTooLong } from '../protocols/context-length.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Address, Dialect, HeaderFacts, Translation } from '../providers/dialect.ts';
import { dialectOf } from '../providers/dialects.ts';
import type { Services } from '../services.ts';
import type { OutputBounds } from './cap-output.ts';
import type { InputCount } from './count-input.ts';
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
  /** Those whose provider and model can carry the request. */
  readonly targets: readonly Target[];
  /** For the provider of a target, and for the one that serves the model. */
  readonly callFor: (choice: ModelChoice) => UpstreamCall;
}

type Callable = Received &
  Addressed &
  Matched &
  Pick<Planned, 'facts'> &
  OutputBounds &
  Pick<InputCount, 'inputs'> & {
    readonly chat: Chat;
    readonly choice: ModelChoice;
    readonly targets: readonly Target[];
  };

/**
 * The request in the protocol of each provider: the client's own where the provider speaks it, else translated. Comes
 * before anything is taken, so that what the provider cannot do costs nothing. A fallback that cannot carry the request
 * does not stand in.
 * @throws GatewayError `invalid_request` for what provider or model cannot do, as `onUnsupported` says;
 *   `context_length_exceeded`
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

/** @throws GatewayError `invalid_request`, `context_length_exceeded` */
function callOf(exchange: Callable, choice: ModelChoice, services: Services): UpstreamCall {
  const { protocol } = exchange;
  const action = unsupportedActionFor(exchange, choice);
  const beyond = leftOut(beyondModel(exchange.chat, choice.capabilities), action, 'this model');
  const chat = beyond.length === 0 ? exchange.chat : withinModel(exchange.chat, choice.capabilities);
  const maxTokens = maxTokensFor(exchange, choice);
  refuseExcess(exchange, choice, maxTokens);
  const dialect = dialectOf(choice.provider.provider);
  const model = choice.upstreamModel;
  const addressOf = ({ baseUrl }: Upstream): Address => ({ baseUrl, model, isStream: chat.isStream });
  const headers = (secret: string | undefined) =>
    headersOf(exchange, dialect, { secret, portkey: portkeyCallOf(exchange, choice, services) });
  const isNative = choice.provider.upstreams.every(
    (upstream) => dialect.nativePath(protocol.name, addressOf(upstream)) !== undefined,
  );
  if (isNative) {
    const body = once(() => protocol.upstreamBody(chat, model, maxTokens));
    const path = (upstream: Upstream) => dialect.nativePath(protocol.name, addressOf(upstream)) ?? '';
    return { path, headers, body, translation: undefined, dropped: beyond };
  }
  const { translation } = dialect;
  // What a translation loses that the answer depends on leaves no whole request behind.
  const lossAction = action === 'drop_all' ? 'drop' : action;
  const unsaid = leftOut(chat.losses, lossAction, 'the provider of this model');
  const { body, losses } = translation.request({ body: chat.body, model, isStream: chat.isStream, maxTokens });
  const untranslated = leftOut(losses, lossAction, 'the provider of this model');
  return {
    path: (upstream) => translation.path(addressOf(upstream), body),
    headers,
    body: once(() => JSON.stringify(body)),
    translation,
    dropped: [...new Set([...beyond, ...unsaid, ...untranslated])],
  };
}

/** The most specific place that says it. */
function unsupportedActionFor({ located, namespace }: Callable, choice: ModelChoice): UnsupportedAction {
  const { onUnsupported } = choice.provider.provider;
  return located?.location.onUnsupported ?? namespace.namespace.onUnsupported ?? onUnsupported;
}

/** Only what the client asks for counts: where it names no maximum, `maxTokens` is a policy's, which may be lowered. */
function refuseExcess({ chat, inputs }: Callable, choice: ModelChoice, maxTokens: number | undefined): void {
  const { contextTokens, resolvedModel } = choice;
  const asked = chat.clientMax === undefined ? 0 : (maxTokens ?? chat.clientMax);
  const input = inputs.get(resolvedModel);
  if (input === undefined || !isTooLong(chat, choice, input, asked)) return;
  const all = `${input.tokens} tokens of input${asked > 0 ? ` and ${asked} of output are` : ' are'}`;
  throw new GatewayError('context_length_exceeded', {
    message: `The model "${resolvedModel}" has a context of ${contextTokens} tokens; ${all} asked for.`,
    param: 'messages',
  });
}

/** Output tokens per choice that the provider is asked for; where only policies name a number, what the context has room for. */
function maxTokensFor({ chat, outputCap, inputs }: Callable, choice: ModelChoice): number | undefined {
  const maxTokens = upstreamMaxOf(chat.clientMax, outputCap, choice.maxOutputTokens);
  const input = inputs.get(choice.resolvedModel);
  if (maxTokens === undefined || chat.clientMax !== undefined || input?.exact !== true) return maxTokens;
  const room = (choice.contextTokens ?? Number.POSITIVE_INFINITY) - input.tokens;
  return Math.max(1, Math.min(maxTokens, room));
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
