import { cutText, type Tokenizer, tokenizerOf } from '@ai-gateway/tokenizer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILT_IN, type BuiltInName } from '../../token-service/src/vocabularies/catalog.ts';
import { troubleText } from '../../tokenizer/test/support/texts.ts';
import { GatewayError } from '../src/domain/gateway-error.ts';
import { chatFormat } from '../src/streaming/chat-format.ts';
import { type BodyEnd, relayStream } from '../src/streaming/relay-stream.ts';
import { type StreamMeter, streamMeter } from '../src/streaming/stream-meter.ts';

const TEXTS = Number(process.env.METER_TEXTS || 10_000);

/** Fields of a delta that carry text, as OpenAI and those who follow it name them. */
const FIELDS = ['content', 'reasoning_content', 'refusal'] as const;

interface Delta {
  readonly field: (typeof FIELDS)[number];
  readonly text: string;
}

const whole = (text: string) => text.toWellFormed();

/** Texts longer than a sentence, cut into deltas between characters anywhere, most of them in one field. */
const deltas = fc
  .tuple(
    fc
      .array(fc.oneof(troubleText, fc.lorem({ maxCount: 12 })), { maxLength: 6, size: 'max' })
      .map((parts) => whole(parts.join(' '))),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }),
    fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 1, maxLength: 7 }),
  )
  .map(([text, sizes, fields]) => {
    const characters = [...text];
    const made: Delta[] = [];
    for (let at = 0, step = 0; at < characters.length; step++) {
      const size = sizes[step % sizes.length] ?? 1;
      const field = FIELDS[fields[step % fields.length] ?? 0] ?? 'content';
      made.push({ field, text: characters.slice(at, at + size).join('') });
      at += size;
    }
    return made;
  });

function wire(events: readonly Delta[]): Buffer {
  const lines = events.map(({ field, text }) => {
    const choices = [{ index: 0, delta: { [field]: text }, finish_reason: null }];
    return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices })}\n\n`;
  });
  const last = { id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
  return Buffer.from(`${lines.join('')}data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`);
}

/** The bytes in pieces that end anywhere, inside characters too. */
async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, step = 0; at < bytes.length; step++) {
    const size = sizes[step % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function relayed(events: readonly Delta[], sizes: readonly number[], meter: StreamMeter) {
  let end: BodyEnd | undefined;
  const output: Buffer[] = [];
  const relay = relayStream(inPieces(wire(events), sizes), {
    format: chatFormat.stream({ choices: 1, wantsUsage: false }),
    meter,
    requestId: 'r',
    usageAfterCut: async () => ({ inputTokens: 0, outputTokens: (await meter.total()).tokens, source: 'counted' }),
    errorOf: (thrown) => new GatewayError('internal_error', { internal: String(thrown) }),
    onEnd: (reached) => {
      end = reached;
    },
  });
  for await (const chunk of relay) output.push(chunk);
  return { end, texts: textsOf(Buffer.concat(output).toString()) };
}

/** The text of each field that a client puts together. */
function textsOf(stream: string): Map<string, string> {
  const texts = new Map<string, string>();
  for (const line of stream.split('\n').filter((one) => one.startsWith('data: {'))) {
    const { choices } = JSON.parse(line.slice('data: '.length)) as { choices: { delta?: Record<string, string> }[] };
    for (const field of FIELDS) {
      const text = choices[0]?.delta?.[field];
      if (text !== undefined) texts.set(field, (texts.get(field) ?? '') + text);
    }
  }
  return texts;
}

/** What arrived in each field up to and with the delta that crossed the cap. */
function arrivedUntilCut(events: readonly Delta[], texts: ReadonlyMap<string, string>): Map<string, string> {
  const arrived = new Map<string, string>();
  for (const { field, text } of events) {
    arrived.set(field, (arrived.get(field) ?? '') + text);
    if ((arrived.get(field) ?? '').length > (texts.get(field) ?? '').length) return arrived;
  }
  return arrived;
}

function checkCut(
  events: readonly Delta[],
  texts: ReadonlyMap<string, string>,
  cap: number,
  { count }: Tokenizer,
): void {
  const total = [...texts.values()].reduce((sum, text) => sum + count(text), 0);
  expect(total).toBeLessThanOrEqual(cap);
  const arrived = arrivedUntilCut(events, texts);
  const [crossing] = [...arrived].filter(([field, text]) => text !== (texts.get(field) ?? ''));
  const [field, text] = crossing ?? ['', ''];
  const delivered = texts.get(field) ?? '';
  expect(text.startsWith(delivered)).toBe(true);
  expect(delivered.isWellFormed()).toBe(true);
  const next = String.fromCodePoint(text.codePointAt(delivered.length) ?? 0);
  expect(total - count(delivered) + count(delivered + next)).toBeGreaterThan(cap);
}

describe.each(Object.keys(BUILT_IN) as BuiltInName[])('%s', (name) => {
  const tokenizer = tokenizerOf(BUILT_IN[name].read());

  it(`counts and cuts ${TEXTS.toLocaleString('en')} streams as counting the whole does`, {
    timeout: 600_000,
  }, async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(deltas, sizes, fc.integer({ min: 0, max: 90 }), async (events, pieceSizes, cap) => {
        const cut = async (text: string, maxTokens: number, from: number) => ({
          ...cutText(tokenizer, text, maxTokens, from),
          exact: true,
        });
        const meter = streamMeter({ cap }, cut);
        const { end, texts } = await relayed(events, pieceSizes, meter);
        const delivered = [...texts.values()].reduce((sum, text) => sum + tokenizer.count(text), 0);
        expect(await meter.total()).toMatchObject({ tokens: delivered, exact: true });
        if (end?.kind === 'cut') checkCut(events, texts, cap, tokenizer);
        else expect(texts).toEqual(textsOf(wire(events).toString()));
      }),
      { numRuns: TEXTS },
    );
  });
});
