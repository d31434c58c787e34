import { type Tokenizer, tokenizerOf, type Vocabulary } from '@ai-gateway/tokenizer';
import type { Process } from '../../e2e/support/stack.ts';
import { httpTokenCounter } from '../../gateway/src/adapters/http-token-counter.ts';
import { vocabularyTokenCounter } from '../../gateway/src/adapters/vocabulary-token-counter.ts';
import { GatewayError } from '../../gateway/src/domain/gateway-error.ts';
import type { TokenCounter } from '../../gateway/src/services.ts';
import { chatFormat } from '../../gateway/src/streaming/chat-format.ts';
import { relayStream } from '../../gateway/src/streaming/relay-stream.ts';
import { type Metered, type StreamMeter, streamMeter } from '../../gateway/src/streaming/stream-meter.ts';
import { cpuUsOf } from '../cpu.ts';
import { median, percentile, printHead, printRow, rounded } from '../figures.ts';
import { differentTexts } from './texts.ts';

const STREAMS = Number(process.env.BENCH_STREAMS || 200);
/** So many times it is the turn of each way. */
const TURNS = 10;
const WARM_UP = 5;
const EVENTS = 1_000;
const DELTA_CHARACTERS = 4;
const MODEL = 'gpt-5';

/** One way of metering. */
interface Way {
  readonly name: string;
  readonly by: 'nobody' | 'gateway' | 'service';
  /** Multiple of the text's own tokens. */
  readonly cap: number;
  /** The provider reports no usage, so that all is counted at the end. */
  readonly isCountedAtEnd?: true;
  /** Only the first half of the stream arrives, to compare a cut stream with. */
  readonly isHalf?: true;
}

const WAYS: readonly Way[] = [
  { name: 'not metered', by: 'nobody', cap: 0 },
  { name: 'no cap, counted at the end', by: 'gateway', cap: Number.POSITIVE_INFINITY, isCountedAtEnd: true },
  { name: 'cap far above the text', by: 'gateway', cap: 100 },
  { name: 'cap twice the text', by: 'gateway', cap: 2 },
  { name: 'cap twice the text', by: 'service', cap: 2 },
  { name: 'cap 10 % above the text', by: 'gateway', cap: 1.1 },
  { name: 'cap 10 % above the text', by: 'service', cap: 1.1 },
  { name: 'half the stream, not metered', by: 'nobody', cap: 0, isHalf: true },
  { name: 'cut in the middle', by: 'gateway', cap: 0.5 },
  { name: 'cut in the middle', by: 'service', cap: 0.5 },
];

/** Steps that go through all ten ways before they come back to the first. */
const STRIDES = [1, 3, 7, 9];

/** A stream as it arrives, and the tokens of its text. */
interface Stream {
  readonly events: readonly Buffer[];
  readonly half: readonly Buffer[];
  readonly tokens: number;
}

/** A way of metering and what was measured of it. */
interface Trial {
  readonly way: Way;
  readonly counter: TokenCounter;
  readonly wallUs: number[];
  /** Of each count; in this process the event loop waits for so long. */
  readonly countUs: number[];
  cpuUs: number;
  serviceUs: number;
}

/** What metering adds to streams: CPU time of the gateway's side and of the token service, and time of the stream. */
export async function measureStreams(
  kind: string,
  stretches: readonly string[],
  { vocabulary, service }: { readonly vocabulary: Vocabulary; readonly service: Process },
): Promise<void> {
  const streams = streamsOf(stretches, tokenizerOf(vocabulary));
  const remote = httpTokenCounter({ url: new URL(service.url), timeoutMs: 10_000, nowMs: () => performance.now() });
  // Counting at the end apart, the ways share a tokenizer here as they do there: what one has counted the next knows.
  const counters = { nobody: remote, service: remote, gateway: localCounter(tokenizerOf(vocabulary), remote) };
  const atEnd = localCounter(tokenizerOf(vocabulary), remote);
  const trialOf = (way: Way): Trial => {
    const counter = way.isCountedAtEnd ? atEnd : counters[way.by];
    return { way, counter, wallUs: [], countUs: [], cpuUs: 0, serviceUs: 0 };
  };
  const warmUp = streams.splice(0, WARM_UP);
  for (const trial of WAYS.map(trialOf)) await measureBlock(trial, warmUp, service);

  const trials = WAYS.map(trialOf);
  const size = Math.max(1, Math.floor(streams.length / TURNS));
  for (let turn = 0; turn * size < streams.length; turn++) {
    const block = streams.slice(turn * size, (turn + 1) * size);
    // Each time in another order, because what one leaves behind (garbage, connections) the next has to clear.
    const stride = STRIDES[turn % STRIDES.length] ?? 1;
    const order = trials.map((_, step) => trials[(turn + step * stride) % trials.length] as Trial);
    for (const trial of order) await measureBlock(trial, block, service);
  }
  await remote.close();
  print(`Streams of ${EVENTS} deltas, ${kind}, ${streams.length} different ones, one after the other`, trials);
}

async function measureBlock(trial: Trial, streams: readonly Stream[], { pid }: Process): Promise<void> {
  const serviceUs = cpuUsOf([pid]);
  const cpu = process.cpuUsage();
  for (const stream of streams) await relayed(stream, trial);
  const { user, system } = process.cpuUsage(cpu);
  trial.cpuUs += user + system;
  trial.serviceUs += cpuUsOf([pid]) - serviceUs;
}

async function relayed({ events, half, tokens }: Stream, { way, counter, wallUs, countUs }: Trial): Promise<void> {
  const startedMs = performance.now();
  const cap = way.cap === Number.POSITIVE_INFINITY ? way.cap : Math.floor(tokens * way.cap);
  const meter = way.by === 'nobody' ? NO_METER : meterOf(cap, counter, countUs);
  const relay = relayStream(arriving(way.isHalf ? half : events), {
    format: chatFormat.stream({ choices: 1, wantsUsage: true }),
    meter,
    requestId: 'req_bench',
    usageAfterCut: async () => ({ inputTokens: 0, outputTokens: (await meter.total()).tokens, source: 'counted' }),
    errorOf: (thrown) => new GatewayError('upstream_error', { internal: String(thrown) }),
    onEnd: ({ kind }) => {
      const expected = way.by !== 'nobody' && way.cap < 1 ? 'cut' : 'completed';
      if (kind !== expected) throw new Error(`the stream was ${kind}, not ${expected}`);
    },
  });
  for await (const _ of relay);
  if (way.isCountedAtEnd) await meter.total();
  wallUs.push((performance.now() - startedMs) * 1000);
}

function meterOf(cap: number, counter: TokenCounter, countUs: number[]): StreamMeter {
  return streamMeter({ cap }, async (text, maxTokens, from) => {
    const startedMs = performance.now();
    const cut = await counter.cut(MODEL, text, maxTokens, from);
    countUs.push((performance.now() - startedMs) * 1000);
    if (!cut.exact) throw new Error('the count is not exact');
    return cut;
  });
}

/** The gateway's own counter, with a vocabulary that is here. */
function localCounter(tokenizer: Tokenizer, remote: TokenCounter): TokenCounter {
  return vocabularyTokenCounter({ of: () => ({ tokenizer, exact: true, ratio: 1 }) }, remote);
}

const FITS: Metered = { kind: 'fits' };
const NO_METER: StreamMeter = {
  offer: () => FITS,
  resolve: async () => FITS,
  total: async () => ({ tokens: 0, exact: true }),
  lanes: () => [],
  soFar: () => 0,
};

async function* arriving(events: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* events;
}

function streamsOf(stretches: readonly string[], tokenizer: Tokenizer): Stream[] {
  // A character has at most four bytes, but in natural texts three.
  const bytesPerCharacter = Buffer.byteLength(stretches[0] ?? '') / (stretches[0] ?? '').length;
  const bytes = Math.ceil(EVENTS * DELTA_CHARACTERS * Math.min(3, bytesPerCharacter * 1.2));
  return differentTexts(stretches, bytes, STREAMS + WARM_UP).map((text) => {
    const characters = [...text].slice(0, EVENTS * DELTA_CHARACTERS);
    const deltas = Array.from({ length: EVENTS }, (_, index) => {
      const from = index * DELTA_CHARACTERS;
      return characters.slice(from, from + DELTA_CHARACTERS).join('');
    });
    const contents = deltas.map((content) =>
      chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }),
    );
    const end = [
      chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
      chunk({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 1_000, total_tokens: 1_010 } }),
      Buffer.from('data: [DONE]\n\n'),
    ];
    const half = [...contents.slice(0, EVENTS / 2), ...end];
    return { events: [...contents, ...end], half, tokens: tokenizer.count(deltas.join('')) };
  });
}

function chunk(rest: object): Buffer {
  const head = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_760_000_000, model: MODEL };
  return Buffer.from(`data: ${JSON.stringify({ ...head, system_fingerprint: 'fp_bench', ...rest })}\n\n`);
}

const FIGURES = [
  'counts/stream',
  'µs/stream p50',
  'added p50 µs',
  'added p99 µs',
  'CPU µs/stream, gateway',
  'over not metered',
  'CPU µs/stream, token service',
  'one count p50 µs',
  'p99 µs',
];

function print(title: string, trials: readonly Trial[]): void {
  printHead(title, { names: ['stream', 'counted by'], figures: FIGURES });
  for (const { way, wallUs, countUs, cpuUs, serviceUs } of trials) {
    const isOfHalf = way.isHalf ?? (way.cap > 0 && way.cap < 1);
    const base = trials.find((trial) => trial.way.by === 'nobody' && (trial.way.isHalf ?? false) === isOfHalf);
    const isBase = way.by === 'nobody';
    const added = sorted(wallUs.map((us) => us - median(base?.wallUs ?? [])));
    const counts = sorted(countUs);
    const ofCount = (share: number) => (counts.length === 0 ? '' : rounded(percentile(counts, share)));
    printRow([
      way.name,
      isBase ? '' : way.by,
      isBase ? '' : (countUs.length / wallUs.length).toFixed(1),
      median(wallUs).toFixed(0),
      isBase ? '' : percentile(added, 0.5).toFixed(0),
      percentile(added, 0.99).toFixed(0),
      (cpuUs / wallUs.length).toFixed(0),
      isBase ? '' : `${((100 * cpuUs) / (base?.cpuUs ?? 1) - 100).toFixed(0)} %`,
      way.by === 'service' ? (serviceUs / wallUs.length).toFixed(0) : '',
      ofCount(0.5),
      ofCount(0.99),
    ]);
  }
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((left, right) => left - right);
}
