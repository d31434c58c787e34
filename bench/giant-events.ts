import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Stack, startStack } from '../e2e/support/stack.ts';
import { cpuUsOf, megabytesOf } from './cpu.ts';
import { percentile, printHead, printRow, rounded } from './figures.ts';
import type { FromLoad, GiantKind, ToLoad } from './giant-events/kinds.ts';

const SECONDS = Number(process.env.BENCH_SECONDS || 5);

const WARM_UP_SECONDS = 4;

/** Giant streams at a time. */
const STREAMS = 4;

/** As large as an event may be, less its frame. */
const MEGABYTE = 1_000_000;

const NOTHING = { name: 'nothing else', model: '', channel: 'bare', textBytes: 0 } as const;

const KINDS: readonly GiantKind[] = [
  NOTHING,
  { name: 'events of 64 KB', model: 'small', channel: 'bare', textBytes: 64_000 },
  { name: 'events of 1 MB', model: 'large', channel: 'bare', textBytes: MEGABYTE },
  {
    name: 'events of 1 MB in pieces of 1 KB',
    model: 'pieces',
    channel: 'bare',
    textBytes: MEGABYTE,
    pieceBytes: 1_000,
  },
  { name: 'events of 1 MB, counted', model: 'counted', channel: 'metered', textBytes: MEGABYTE },
  { name: 'an event that never ends', model: 'endless', channel: 'bare', textBytes: MEGABYTE, isEndless: true },
  { ...NOTHING, name: 'nothing else, afterwards' },
];

/** What is relayed when nothing is. */
const UNLOADED = { readBytes: 0, endedStreams: 0 };

type Loaded = typeof UNLOADED;

/** What giant events do to other requests of the gateway, and to its memory. */
export async function benchGiantEvents(): Promise<void> {
  const stack = await startStack();
  const load = startLoad();
  try {
    await stack.channel('probe');
    await stack.channel('bare');
    const cap = { kind: 'token-limit', maxOutputTokens: 1_000_000_000, counting: 'estimate' };
    await stack.channel('metered', [cap]);
    const url = await load.url;
    for (const { model } of KINDS.filter(({ textBytes }) => textBytes > 0)) {
      const body = { name: model, models: [model] };
      const { id } = await stack.admin<{ id: string }>('POST', '/providers', body);
      await stack.admin('POST', '/upstreams', { providerId: id, baseUrl: `${url}/${model}` });
    }
    await stack.live();
    await probeFor(stack, SECONDS);
    printHead(`Small streams beside ${STREAMS} streams of giant events, ${SECONDS} s each`, {
      names: ['beside'],
      figures: ['p50 ms', 'p99 ms', 'max ms', 'MB/s relayed', 'streams broken off', 'CPU s/s', 'RSS MB, most'],
    });
    for (const kind of KINDS) await measure(kind, stack, load);
  } finally {
    await load.close();
    await stack.close();
  }
}

async function measure(giant: GiantKind, stack: Stack, load: ReturnType<typeof startLoad>): Promise<void> {
  // The first streams of a model wait for its vocabulary.
  await loadedProbe(giant, { stack, load, seconds: WARM_UP_SECONDS });
  const { times, cpuShare, mostMegabytes, readBytes, endedStreams } = await loadedProbe(giant, {
    stack,
    load,
    seconds: SECONDS,
  });
  const sorted = times.toSorted((left, right) => left - right);
  const figures = [percentile(sorted, 0.5), percentile(sorted, 0.99), percentile(sorted, 1), readBytes / 1e6 / SECONDS];
  printRow([giant.name, ...[...figures, endedStreams, cpuShare, mostMegabytes].map(rounded)]);
}

interface Probing {
  readonly stack: Stack;
  readonly load: ReturnType<typeof startLoad>;
  readonly seconds: number;
}

async function loadedProbe(giant: GiantKind, { stack, load, seconds }: Probing) {
  const isLoaded = giant.textBytes > 0;
  if (isLoaded) load.start({ kind: 'start', giant, gatewayUrl: stack.gateway.url, streams: STREAMS });
  const probed = await probeFor(stack, seconds);
  return { ...probed, ...(isLoaded ? await load.stop() : UNLOADED) };
}

/** Times of small streams, one after the other, and what the gateway's process took meanwhile. */
async function probeFor({ gateway }: Stack, seconds: number) {
  const times: number[] = [];
  let mostMegabytes = 0;
  const cpuBefore = cpuUsOf([gateway.pid]);
  const startedAt = performance.now();
  while (performance.now() - startedAt < seconds * 1_000) {
    const askedAt = performance.now();
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-channel-code': 'probe' },
      body: JSON.stringify({
        model: 'Qwen3-8B',
        stream: true,
        messages: [{ role: 'user', content: '[mock words=5]' }],
      }),
    });
    await response.arrayBuffer();
    times.push(performance.now() - askedAt);
    mostMegabytes = Math.max(mostMegabytes, megabytesOf(gateway.pid));
    await sleep(5);
  }
  const passedUs = (performance.now() - startedAt) * 1_000;
  return { times, cpuShare: (cpuUsOf([gateway.pid]) - cpuBefore) / passedUs, mostMegabytes };
}

/** The thread with the giant provider and its clients. */
function startLoad() {
  const worker = new Worker(new URL('./giant-events/load.ts', import.meta.url));
  const tell = (message: ToLoad) => worker.postMessage(message);
  return {
    url: listening(worker),
    start: tell,
    async stop(): Promise<Loaded> {
      const told = once(worker, 'message');
      tell({ kind: 'stop' });
      const [message] = (await told) as [FromLoad];
      return message.kind === 'stopped' ? message : UNLOADED;
    },
    close: () => worker.terminate(),
  };
}

async function listening(worker: Worker): Promise<string> {
  const [message] = (await once(worker, 'message')) as [FromLoad];
  return message.kind === 'listening' ? message.url : '';
}
