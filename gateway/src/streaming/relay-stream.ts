import { GatewayError } from '../domain/gateway-error.ts';
import type { TokenUsage } from '../domain/outcome.ts';
import { eventSplitter, eventsIn, terminated } from '../protocols/sse.ts';
import type { StreamFormat } from '../protocols/wire-format.ts';
import type { StreamMeter } from './stream-meter.ts';

/** How the body of an answer ended. */
export type BodyEnd =
  | { readonly kind: 'completed'; readonly usage: TokenUsage | undefined }
  | { readonly kind: 'cut'; readonly usage: TokenUsage }
  | { readonly kind: 'partial'; readonly error: GatewayError };

/** What relaying one stream needs. */
export interface Relay {
  readonly format: StreamFormat;
  readonly meter: StreamMeter;
  readonly requestId: string;
  /** Usage to report after a cut: input tokens and what was delivered. */
  readonly usageAfterCut: () => Promise<TokenUsage>;
  /** The error to report when the upstream breaks off. */
  readonly errorOf: (thrown: unknown) => GatewayError;
  readonly onEnd: (end: BodyEnd) => void;
}

/** What to do with one event: send it as it came, leave it out, or end the stream with other events in its place. */
type Verdict =
  | { readonly kind: 'forward' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'end'; readonly events: readonly string[]; readonly end: BodyEnd };

const FORWARD: Verdict = { kind: 'forward' };
const DROP: Verdict = { kind: 'drop' };

/**
 * Relays an answer stream: original bytes wherever nothing changes, each event only once it is complete and known to be
 * within the cap. Ends with a valid last event whatever happens: the cut closes as its wire format says, a broken
 * upstream with an error event and no end mark. Returning early closes the upstream.
 */
export async function* relayStream(upstream: AsyncIterable<Buffer>, relay: Relay): AsyncGenerator<Buffer> {
  const splitter = eventSplitter();
  try {
    for await (const chunk of upstream) {
      const bytes = splitter.push(chunk);
      if (bytes === undefined) continue;
      const { output, end } = await relayEvents(bytes, relay);
      if (output.length > 0) yield output;
      if (end === undefined) continue;
      relay.onEnd(end);
      return;
    }
    const closing = await relayRest(splitter.rest(), relay);
    relay.onEnd(closing.end);
    yield closing.output;
  } catch (thrown) {
    const error = relay.errorOf(thrown);
    relay.onEnd({ kind: 'partial', error });
    yield bytesOf([relay.format.error(error, relay.requestId)]);
  }
}

async function relayEvents(bytes: Buffer, relay: Relay): Promise<{ output: Buffer; end?: BodyEnd }> {
  const events = eventsIn(bytes.toString());
  const kept: string[] = [];
  let isUntouched = true;
  for (const event of events) {
    // Awaiting only when there is something to wait for spares a turn of the event loop's queue per event.
    const judged = judge(event, relay);
    const verdict = judged instanceof Promise ? await judged : judged;
    if (verdict.kind === 'forward') kept.push(event);
    else isUntouched = false;
    if (verdict.kind !== 'end') continue;
    return { output: bytesOf([...kept, ...verdict.events]), end: verdict.end };
  }
  return { output: isUntouched ? bytes : bytesOf(kept) };
}

/** The upstream has ended without its end mark: complete if every part of the answer had ended, else broken off. */
async function relayRest(rest: Buffer, relay: Relay): Promise<{ output: Buffer; end: BodyEnd }> {
  const last = rest.length === 0 ? undefined : await relayEvents(Buffer.concat([rest, Buffer.from('\n\n')]), relay);
  if (last?.end !== undefined) return { output: last.output, end: last.end };

  const before = last?.output ?? Buffer.alloc(0);
  const { format } = relay;
  if (format.isFinished()) {
    const output = Buffer.concat([before, bytesOf(format.closing())]);
    return { output, end: { kind: 'completed', usage: format.usage() } };
  }
  const error = new GatewayError('upstream_error', { message: 'The provider ended the stream early.' });
  return {
    output: Buffer.concat([before, bytesOf([format.error(error, relay.requestId)])]),
    end: { kind: 'partial', error },
  };
}

function judge(event: string, relay: Relay): Verdict | Promise<Verdict> {
  const { format, meter } = relay;
  const facts = format.read(event);
  switch (facts.kind) {
    case 'other':
      return FORWARD;
    case 'end':
      return { kind: 'end', events: [event], end: { kind: 'completed', usage: format.usage() } };
    case 'error':
      return upstreamErrorVerdict(facts.message, relay);
    case 'data':
      if (facts.isHidden) return DROP;
      if (meter.offer(facts.pieces) === undefined) return judgeAfterCount(relay);
      format.accept();
      return FORWARD;
    default:
      return facts satisfies never;
  }
}

async function judgeAfterCount({ format, meter, usageAfterCut }: Relay): Promise<Verdict> {
  const metered = await meter.resolve();
  if (metered.kind === 'fits') {
    format.accept();
    return FORWARD;
  }
  const usage = await usageAfterCut();
  return { kind: 'end', events: format.cut(metered.allowed, usage), end: { kind: 'cut', usage } };
}

function upstreamErrorVerdict(message: string, { format, requestId }: Relay): Verdict {
  const error = new GatewayError('upstream_error', {
    message: `The provider reported an error: ${message.slice(0, 500)}`,
  });
  return { kind: 'end', events: [format.error(error, requestId)], end: { kind: 'partial', error } };
}

function bytesOf(events: readonly string[]): Buffer {
  return Buffer.from(events.map(terminated).join(''));
}
