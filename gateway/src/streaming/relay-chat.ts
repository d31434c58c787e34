import { GatewayError } from '../domain/gateway-error.ts';
import type { TokenUsage } from '../domain/outcome.ts';
import { saneUsage } from '../domain/outcome.ts';
import { dataOf, eventSplitter, eventsIn } from '../protocols/sse.ts';
import { type ChunkFacts, parseChunk, readChunk, type StreamChunk, type TextPiece, withTexts } from './chat-chunk.ts';
import type { StreamMeter } from './stream-meter.ts';

/** How the body of an answer ended. */
export type BodyEnd =
  | { readonly kind: 'completed'; readonly usage: TokenUsage | undefined }
  | { readonly kind: 'cut'; readonly usage: TokenUsage }
  | { readonly kind: 'partial'; readonly error: GatewayError };

/** What relaying one chat stream needs. */
export interface Relay {
  readonly meter: StreamMeter;
  readonly choices: number;
  /** The client asked for the usage chunk; otherwise it is taken out. */
  readonly wantsUsage: boolean;
  readonly requestId: string;
  /** Usage to report after a cut: input tokens and what was delivered. */
  readonly usageAfterCut: () => Promise<TokenUsage>;
  /** The error to report when the upstream breaks off. */
  readonly errorOf: (thrown: unknown) => GatewayError;
  readonly onEnd: (end: BodyEnd) => void;
}

/** State of the stream that events change. */
interface Progress {
  readonly finished: Set<number>;
  usage: TokenUsage | undefined;
  lastData: string | undefined;
}

/** What to do with one event: send it as it came, leave it out, or end the stream with other events in its place. */
type Verdict =
  | { readonly kind: 'forward' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'end'; readonly events: readonly string[]; readonly end: BodyEnd };

const DONE = '[DONE]';
const FORWARD: Verdict = { kind: 'forward' };
const DROP: Verdict = { kind: 'drop' };

/**
 * Relays a chat completion stream: original bytes wherever nothing changes, each event only once it is complete and
 * known to be within the cap. Ends with a valid last event whatever happens: the cut closes with finish reason
 * `length`, a broken upstream with an error event and no `[DONE]`. Returning early closes the upstream.
 */
export async function* relayChat(upstream: AsyncIterable<Buffer>, relay: Relay): AsyncGenerator<Buffer> {
  const splitter = eventSplitter();
  const progress: Progress = { finished: new Set(), usage: undefined, lastData: undefined };
  try {
    for await (const chunk of upstream) {
      const bytes = splitter.push(chunk);
      if (bytes === undefined) continue;
      const { output, end } = await relayEvents(bytes, relay, progress);
      if (output.length > 0) yield output;
      if (end === undefined) continue;
      relay.onEnd(end);
      return;
    }
    const closing = await relayRest(splitter.rest(), relay, progress);
    relay.onEnd(closing.end);
    yield closing.output;
  } catch (thrown) {
    const error = relay.errorOf(thrown);
    relay.onEnd({ kind: 'partial', error });
    yield Buffer.from(errorEvent(error, relay.requestId));
  }
}

async function relayEvents(
  bytes: Buffer,
  relay: Relay,
  progress: Progress,
): Promise<{ output: Buffer; end?: BodyEnd }> {
  const events = eventsIn(bytes.toString());
  const kept: string[] = [];
  let isUntouched = true;
  for (const event of events) {
    // Awaiting only when there is something to wait for spares a turn of the event loop's queue per event.
    const judged = judge(event, relay, progress);
    const verdict = judged instanceof Promise ? await judged : judged;
    if (verdict.kind === 'forward') kept.push(event);
    else isUntouched = false;
    if (verdict.kind !== 'end') continue;
    return { output: Buffer.from([...kept, ...verdict.events].map(terminated).join('')), end: verdict.end };
  }
  return { output: isUntouched ? bytes : Buffer.from(kept.map(terminated).join('')) };
}

/** The upstream has ended without `[DONE]`: complete if every choice had its finish reason, else broken off. */
async function relayRest(rest: Buffer, relay: Relay, progress: Progress): Promise<{ output: Buffer; end: BodyEnd }> {
  const last =
    rest.length === 0 ? undefined : await relayEvents(Buffer.concat([rest, Buffer.from('\n\n')]), relay, progress);
  if (last?.end !== undefined) return { output: last.output, end: last.end };

  const before = last?.output ?? Buffer.alloc(0);
  if (progress.finished.size >= relay.choices) {
    const output = Buffer.concat([before, Buffer.from(terminated(`data: ${DONE}`))]);
    return { output, end: { kind: 'completed', usage: progress.usage } };
  }
  const error = new GatewayError('upstream_error', { message: 'The provider ended the stream early.' });
  const output = Buffer.concat([before, Buffer.from(errorEvent(error, relay.requestId))]);
  return { output, end: { kind: 'partial', error } };
}

function judge(event: string, relay: Relay, progress: Progress): Verdict | Promise<Verdict> {
  const data = dataOf(event);
  if (data === undefined) return FORWARD;
  if (data === DONE) return { kind: 'end', events: [event], end: { kind: 'completed', usage: progress.usage } };
  const facts = readChunk(data);
  if (facts === undefined) return FORWARD;
  if (facts.error !== undefined) return upstreamErrorVerdict(facts.error, relay);

  if (facts.usage !== undefined) progress.usage = saneUsage(facts.usage) ?? progress.usage;
  progress.lastData = data;
  if (facts.isUsageOnly && !relay.wantsUsage) return DROP;

  const metered = relay.meter.offer(facts.pieces);
  if (metered === undefined) return judgeAfterCount(facts, relay, progress);
  for (const choice of facts.finished) progress.finished.add(choice);
  return FORWARD;
}

async function judgeAfterCount(facts: ChunkFacts, relay: Relay, progress: Progress): Promise<Verdict> {
  const metered = await relay.meter.resolve();
  if (metered.kind === 'cut') return cutVerdict(facts, metered.allowed, relay, progress);
  for (const choice of facts.finished) progress.finished.add(choice);
  return FORWARD;
}

function upstreamErrorVerdict(message: string, relay: Relay): Verdict {
  const error = new GatewayError('upstream_error', {
    message: `The provider reported an error: ${message.slice(0, 500)}`,
  });
  return { kind: 'end', events: [errorEvent(error, relay.requestId).trimEnd()], end: { kind: 'partial', error } };
}

async function cutVerdict(
  facts: ChunkFacts,
  allowed: readonly TextPiece[],
  relay: Relay,
  progress: Progress,
): Promise<Verdict> {
  const chunk = facts.chunk ?? parseChunk(progress.lastData ?? '') ?? {};
  const texts = new Map(allowed.map(({ lane, text }) => [lane, text]));
  const usage = await relay.usageAfterCut();
  const events: StreamChunk[] = [];
  if (allowed.length > 0) events.push(withoutUsage({ ...chunk, choices: cutChoices(chunk, texts) }));
  events.push(withoutUsage({ ...chunk, choices: closingChoices(relay.choices, progress.finished) }));
  if (relay.wantsUsage) events.push({ ...chunk, choices: [], usage: wireUsage(usage) });
  return {
    kind: 'end',
    events: [...events.map((event) => `data: ${JSON.stringify(event)}`), `data: ${DONE}`],
    end: { kind: 'cut', usage },
  };
}

function cutChoices(chunk: StreamChunk, texts: ReadonlyMap<string, string>) {
  return (chunk.choices ?? []).map((choice) => ({
    ...choice,
    delta: withTexts(choice, choice.delta ?? {}, texts),
    finish_reason: null,
  }));
}

function closingChoices(choices: number, finished: ReadonlySet<number>) {
  return Array.from({ length: choices }, (_, index) => index)
    .filter((index) => !finished.has(index))
    .map((index) => ({ index, delta: {}, logprobs: null, finish_reason: 'length' }));
}

function withoutUsage(chunk: StreamChunk): StreamChunk {
  const { usage: _, ...rest } = chunk;
  return rest;
}

/** Usage as OpenAI writes it. */
export function wireUsage({ inputTokens, outputTokens }: TokenUsage) {
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
}

function terminated(event: string): string {
  return `${event}\n\n`;
}

/** An error after the first byte: one event, and the stream ends without `[DONE]`. */
export function errorEvent(error: GatewayError, requestId: string): string {
  return terminated(`data: ${JSON.stringify(error.body(requestId))}`);
}
