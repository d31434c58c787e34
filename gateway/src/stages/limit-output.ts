import { GatewayError } from '../domain/gateway-error.ts';
import { saneUsage, type TokenUsage } from '../domain/outcome.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import { errorOf } from '../domain/retry.ts';
import type { Received, Stage } from '../exchange.ts';
import { inTime } from '../in-time.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import { type Services, UpstreamFailure } from '../services.ts';
import { parseChunk } from '../streaming/chat-chunk.ts';
import { cutAnswer } from '../streaming/cut-answer.ts';
import { type BodyEnd, relayChat } from '../streaming/relay-chat.ts';
import { type CutText, type StreamMeter, streamMeter } from '../streaming/stream-meter.ts';
import type { OutputBounds } from './cap-output.ts';
import { type InputCount, promptOf } from './count-input.ts';
import type { Forwarded } from './forward.ts';
import type { Planned } from './plan-limits.ts';
import type { Reserved } from './reserve.ts';

/** The answer for the client. */
export interface Answer {
  readonly contentType: string;
  readonly body: Buffer | AsyncIterable<Buffer>;
  /** How the body ended; undefined while it has not. */
  readonly end: () => BodyEnd | undefined;
  /** Tokens up to now by own count: the input and what was let through; estimated where that takes longer than given. */
  readonly usageSoFar: (withinMs?: number) => Promise<TokenUsage>;
}

/** What was let through, for whoever asks when the answer has ended. */
export interface Metering {
  readonly meter: Pick<StreamMeter, 'total' | 'lanes'>;
}

/** Largest plain answer that is accepted, in bytes. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

type Limitable = Received &
  Planned &
  InputCount &
  Forwarded &
  OutputBounds &
  Reserved & { readonly chat: Chat; readonly choice: ModelChoice };

/** Counts the answer and cuts it at the cap, streamed or not. */
export const limitOutput: Stage<Limitable, { readonly answer: Answer } & Metering> = async (exchange, services) => {
  const { chat, response, outputCap } = exchange;
  checkContentType(exchange);
  const strictness: Strictness = {
    mayEstimate: exchange.tokenPolicies.every(({ rule }) => rule.counting === 'estimate'),
    withinMs: undefined,
  };
  const cutText = cutTextOf(exchange.choice.resolvedModel, strictness, services);
  const { limits } = services;
  const meter = streamMeter(
    {
      cap: outputCap?.tokens ?? Number.POSITIVE_INFINITY,
      granted: exchange.grantedTokens,
      tokensPerByte: services.tokens.tokensPerByte(exchange.choice.resolvedModel),
      grow: (tokens) => extendAll(exchange.reservationIds, tokens, services),
    },
    cutText,
  );
  for (const id of exchange.reservationIds) limits.track(id, meter.soFar);
  const usageSoFar = (withinMs?: number) => {
    // What has been delivered must be accounted for, if need be by an estimate.
    strictness.mayEstimate = true;
    strictness.withinMs = withinMs;
    return usageOf(exchange, meter, services, withinMs);
  };
  if (!chat.isStream) return { answer: await plainAnswer(exchange, meter, usageSoFar), meter };

  let end: BodyEnd | undefined;
  const body = relayChat(response.body, {
    meter,
    choices: chat.choices,
    wantsUsage: chat.wantsUsage,
    requestId: exchange.requestId,
    usageAfterCut: usageSoFar,
    errorOf: upstreamErrorOf,
    onEnd: (reached) => {
      end = reached;
    },
  });
  return { answer: { contentType: 'text/event-stream; charset=utf-8', body, end: () => end, usageSoFar }, meter };
};

/** Raises every reservation of the request, or says that one has no room. */
async function extendAll(ids: readonly string[], tokens: number, { limits }: Services): Promise<boolean> {
  for (const id of ids) if (!(await limits.extend(id, tokens))) return false;
  return true;
}

async function plainAnswer(
  { response }: Limitable,
  meter: StreamMeter,
  usageSoFar: () => Promise<TokenUsage>,
): Promise<Answer> {
  const bytes = await readAll(response.body);
  const parsed = parseChunk(bytes.toString());
  if (parsed === undefined)
    throw new GatewayError('upstream_error', { message: 'The provider answered with invalid JSON.' });

  const cut = await cutAnswer(parsed, meter, usageSoFar);
  const isWhole = cut.kind === 'whole';
  const end: BodyEnd = isWhole
    ? { kind: 'completed', usage: saneUsage(parsed.usage) }
    : { kind: 'cut', usage: cut.usage };
  const body = isWhole ? bytes : Buffer.from(JSON.stringify(cut.answer));
  return { contentType: 'application/json', body, end: () => end, usageSoFar };
}

async function readAll(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) throw new GatewayError('upstream_error', { message: 'The answer is too large.' });
      chunks.push(chunk);
    }
  } catch (error) {
    throw upstreamErrorOf(error);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

function checkContentType({ chat, response }: Limitable): void {
  const header = response.headers['content-type'];
  const contentType = typeof header === 'string' ? header : '';
  if (contentType.startsWith('text/event-stream') === chat.isStream) return;
  const wanted = chat.isStream ? 'an event stream' : 'JSON';
  throw new GatewayError('upstream_error', {
    message: `The provider did not answer with ${wanted}.`,
    internal: `content-type ${contentType}`,
  });
}

/** How the output is counted now; it changes when the answer has ended. */
interface Strictness {
  mayEstimate: boolean;
  /** How long a count may take; undefined = as long as the token service may. */
  withinMs: number | undefined;
}

function cutTextOf(model: string, strictness: Readonly<Strictness>, { tokens, estimates, metrics }: Services): CutText {
  return async (text, maxTokens, from) => {
    try {
      const cut = await within(tokens.cut(model, text, maxTokens, from), strictness.withinMs);
      metrics.tokenCount('meter', cut.exact ? 'exact' : 'estimate');
      return cut;
    } catch (error) {
      metrics.tokenCount('meter', 'failed');
      if (!strictness.mayEstimate) throw new GatewayError('token_service_unavailable', { internal: String(error) });
      return estimates.cut(model, text, maxTokens, from);
    }
  };
}

async function usageOf(
  { countedInput, chat, choice }: Limitable,
  meter: StreamMeter,
  { metrics, estimates }: Services,
  withinMs: number | undefined,
): Promise<TokenUsage> {
  const [input, output] = await Promise.all([
    within(countedInput(), withinMs).catch(() => estimates.countChat(choice.resolvedModel, promptOf(chat))),
    meter.total(),
  ]);
  const exact = input.exact && output.exact;
  metrics.tokenCount('settle', exact ? 'exact' : 'estimate');
  return { inputTokens: input.tokens, outputTokens: output.tokens, source: exact ? 'counted' : 'estimated' };
}

/** @throws Error when it takes longer */
function within<T>(work: Promise<T>, ms: number | undefined): Promise<T> {
  return ms === undefined ? work : inTime(work, ms, () => new Error(`no count within ${ms} ms`));
}

function upstreamErrorOf(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof UpstreamFailure) return errorOf(thrown.failure);
  if (thrown instanceof RangeError) return new GatewayError('upstream_error', { internal: thrown.message });
  return new GatewayError('internal_error', { internal: thrown instanceof Error ? thrown.stack : String(thrown) });
}
