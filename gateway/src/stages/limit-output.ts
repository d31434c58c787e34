import { GatewayError } from '../domain/gateway-error.ts';
import type { TokenUsage } from '../domain/outcome.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import { errorOf } from '../domain/retry.ts';
import type { Addressed, Received, Stage } from '../exchange.ts';
import { inTime } from '../in-time.ts';
import type { AnswerContext } from '../protocols/client-protocol.ts';
import { type JsonObject, objectIn, parseObject } from '../protocols/json-fields.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import { type Services, UpstreamFailure } from '../services.ts';
import { chatFormat } from '../streaming/chat-format.ts';
import { cutAnswer } from '../streaming/cut-answer.ts';
import { type BodyEnd, relayStream } from '../streaming/relay-stream.ts';
import { type CutText, type StreamMeter, streamMeter } from '../streaming/stream-meter.ts';
import { readAs, writeAs } from '../streaming/translate-stream.ts';
import type { OutputBounds } from './cap-output.ts';
import { countBy, type InputCount } from './count-input.ts';
import type { Forwarded } from './forward.ts';
import type { Planned } from './plan-limits.ts';
import type { UpstreamCall } from './prepare-call.ts';
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
  Addressed &
  Planned &
  InputCount &
  Forwarded &
  OutputBounds &
  Reserved & { readonly call: UpstreamCall; readonly chat: Chat; readonly choice: ModelChoice };

/** Counts the answer and cuts it at the cap, streamed or not. */
export const limitOutput: Stage<Limitable, { readonly answer: Answer } & Metering> = async (exchange, services) => {
  const { chat, outputCap } = exchange;
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
  const metered: Metered = { meter, usageSoFar, nowSeconds: Math.floor(services.nowMs() / 1000) };
  return { answer: chat.isStream ? streamedAnswer(exchange, metered) : await plainAnswer(exchange, metered), meter };
};

/** What an answer is counted by. */
interface Metered {
  readonly meter: StreamMeter;
  readonly usageSoFar: Answer['usageSoFar'];
  readonly nowSeconds: number;
}

/** The provider's stream, counted in the client's protocol where it comes in that, else in chat completions. */
function streamedAnswer(exchange: Limitable, { meter, usageSoFar, nowSeconds }: Metered): Answer {
  const { chat, call, protocol, response, requestId } = exchange;
  let end: BodyEnd | undefined;
  const reader = call.translation?.reader({ nowSeconds, model: exchange.choice.resolvedModel });
  const format = call.translation === undefined ? protocol.format : chatFormat;
  const relayed = relayStream(reader === undefined ? response.body : readAs(response.body, reader), {
    format: format.stream(chat),
    meter,
    requestId,
    usageAfterCut: usageSoFar,
    errorOf: upstreamErrorOf,
    onEnd: (reached) => {
      end = reached;
    },
  });
  const writer = call.translation && protocol.writer?.stream(contextOf(exchange, nowSeconds));
  return {
    contentType: 'text/event-stream; charset=utf-8',
    body: writer === undefined ? relayed : writeAs(relayed, writer),
    end: () => end,
    usageSoFar,
  };
}

function contextOf({ requestId, chat, choice, inputs }: Limitable, nowSeconds: number): AnswerContext {
  return { requestId, chat, inputTokens: inputs.get(choice.resolvedModel)?.tokens ?? 0, nowSeconds };
}

/** Raises every reservation of the request, or says that one has no room. */
async function extendAll(ids: readonly string[], tokens: number, { limits }: Services): Promise<boolean> {
  for (const id of ids) if (!(await limits.extend(id, tokens))) return false;
  return true;
}

async function plainAnswer(exchange: Limitable, { meter, usageSoFar, nowSeconds }: Metered): Promise<Answer> {
  const { response, call, protocol } = exchange;
  const bytes = await readAll(response.body);
  const parsed = parseObject(bytes.toString());
  if (parsed === undefined)
    throw new GatewayError('upstream_error', { message: 'The provider answered with invalid JSON.' });
  refuseError(parsed);

  const { translation } = call;
  const format = translation === undefined ? protocol.format.answer : chatFormat.answer;
  const answer =
    translation === undefined
      ? parsed
      : translation.answer(parsed, { nowSeconds, model: exchange.choice.resolvedModel });
  const cut = await cutAnswer(answer, { format, meter, usageAfterCut: usageSoFar });
  const isWhole = cut.kind === 'whole';
  const end: BodyEnd = isWhole ? { kind: 'completed', usage: format.usage(answer) } : { kind: 'cut', usage: cut.usage };
  const delivered = isWhole ? answer : cut.answer;
  const written = translation && protocol.writer?.plain(delivered, contextOf(exchange, nowSeconds));
  const body = isWhole && translation === undefined ? bytes : Buffer.from(JSON.stringify(written ?? delivered));
  return { contentType: 'application/json', body, end: () => end, usageSoFar };
}

/** Where the answers of all protocols have what was asked for. */
const ANSWERS = ['choices', 'content', 'data', 'output'];

/** Some servers tell of a failure with status 200: an error, and nothing of an answer beside it. */
function refuseError(answer: JsonObject): void {
  if (objectIn(answer.error) === undefined || ANSWERS.some((field) => field in answer)) return;
  throw new GatewayError('upstream_error', {
    message: 'The provider answered with an error.',
    internal: 'an error with status 200',
  });
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
  response.close();
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
    within(countedInput(choice), withinMs).catch(() => countBy(estimates, choice.resolvedModel, chat)),
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

/** Did the provider compress its answer otherwise than it said? */
function isDecodingError(thrown: unknown): thrown is Error {
  const { code } = thrown as NodeJS.ErrnoException;
  return thrown instanceof Error && typeof code === 'string' && /^(Z_|ERR__?ERROR_FORMAT|ERR_BROTLI)/.test(code);
}

function upstreamErrorOf(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof UpstreamFailure) return errorOf(thrown.failure);
  if (thrown instanceof RangeError || isDecodingError(thrown)) {
    return new GatewayError('upstream_error', { internal: thrown.message });
  }
  return new GatewayError('internal_error', { internal: thrown instanceof Error ? thrown.stack : String(thrown) });
}
