import type { Process } from '../../e2e/support/stack.ts';
import { httpTokenCounter } from '../../gateway/src/adapters/http-token-counter.ts';
import { percentile, printHead, printRow } from '../figures.ts';
import { oneText, type Texts } from './texts.ts';

const LARGE_BYTES = Number(process.env.BENCH_LARGE_MB || 10) * 1_048_576;
const REQUESTS = 2_000;
const WORDS = 20;
const MODEL = 'gpt-5';

/** Whether small counts wait for a large one: chats of 20 words over a kept-alive connection, before and during. */
export async function measureSmallCounts(texts: Texts, service: Process): Promise<void> {
  const counter = httpTokenCounter({ url: new URL(service.url), timeoutMs: 10_000, nowMs: () => performance.now() });
  const words = oneText(texts.English, 262_144).split(/\s+/);
  let asked = 0;
  async function askOne(): Promise<number> {
    const from = (asked++ * WORDS) % (words.length - WORDS);
    const messages = [{ role: 'user', content: words.slice(from, from + WORDS).join(' ') }];
    const startedMs = performance.now();
    await counter.countChat(MODEL, { messages, tools: undefined, templateVariables: undefined });
    return performance.now() - startedMs;
  }

  const title = `Chats of ${WORDS} words over a kept-alive connection, one after the other`;
  printHead(title, { names: ['token service'], figures: ['requests', 'p50 ms', 'p99 ms', 'max ms'] });
  for (let request = 0; request < REQUESTS; request++) await askOne();
  const before: number[] = [];
  for (let request = 0; request < REQUESTS; request++) before.push(await askOne());
  printTimes('has nothing else to do', before);

  // A text that the service has not seen, of everything there is.
  const large = oneText([...texts.code, ...texts.English, ...texts['JSON chat']], LARGE_BYTES);
  const body = Buffer.from(JSON.stringify({ model_name: MODEL, text: large }));
  const during: number[] = [];
  const startedMs = performance.now();
  let elapsedMs: number | undefined;
  const counting = fetch(`${service.url}/calculate`, { method: 'POST', body }).then(async (response) => {
    const answer = await response.text();
    elapsedMs = performance.now() - startedMs;
    if (!response.ok) throw new Error(answer);
  });
  while (elapsedMs === undefined) during.push(await askOne());
  await counting;
  printTimes(`counts a text of ${LARGE_BYTES / 1_048_576} MB (${elapsedMs.toFixed(0)} ms)`, during);
  await counter.close();
}

function printTimes(name: string, times: readonly number[]): void {
  const sorted = times.toSorted((left, right) => left - right);
  const shown = [percentile(sorted, 0.5), percentile(sorted, 0.99), sorted.at(-1) ?? 0];
  printRow([name, String(times.length), ...shown.map((ms) => ms.toFixed(2))]);
}
