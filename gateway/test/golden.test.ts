import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rulesWith, startGateway, startUpstream } from './support/test-gateway.ts';

/**
 * One exchange over all four wires. What the provider answers is written from its public reference; the rest is what
 * must come of it. `GOLDEN_UPDATE=1` writes the second half anew, to be read before it is committed.
 */
interface Golden {
  readonly about: string;
  readonly dialect: string;
  readonly endpoint: string;
  readonly request: object;
  /** A plain answer is an object, a stream a list of events. */
  readonly upstreamAnswer: object | readonly string[];
  readonly expected?: Expected;
}

interface Expected {
  readonly path: string;
  readonly upstreamRequest: unknown;
  readonly status: number;
  readonly dropped?: string;
  readonly usage: unknown;
  readonly answer: unknown;
}

const FOLDER = join(import.meta.dirname, 'golden');
const isUpdate = process.env.GOLDEN_UPDATE === '1';

let golden: Golden;
let upstream: Awaited<ReturnType<typeof startUpstream>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;

beforeAll(async () => {
  upstream = await startUpstream((_request, response) => {
    const { upstreamAnswer } = golden;
    const isStream = Array.isArray(upstreamAnswer);
    response.setHeader('content-type', isStream ? 'text/event-stream' : 'application/json');
    response.end(isStream ? upstreamAnswer.map((event) => `${event}\n\n`).join('') : JSON.stringify(upstreamAnswer));
  });
  gateway = await startGateway(rulesWith([upstream.url]));
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const files = globSync('*/*.json', { cwd: FOLDER }).sort();

describe('exchanges', () => {
  it('are there', () => expect(files.length).toBeGreaterThan(10));

  it.each(files)('%s', async (file) => {
    golden = JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
    const found = await exchanged(golden);
    if (isUpdate) writeFileSync(join(FOLDER, file), `${JSON.stringify({ ...golden, expected: found }, null, 2)}\n`);
    else expect(found, relative(FOLDER, file)).toEqual(golden.expected);
  });
});

async function exchanged({ dialect, endpoint, request }: Golden): Promise<Expected> {
  const providers = [{ id: 'p1', name: 'acme', models: ['*'], dialect }];
  gateway.setRules(rulesWith([upstream.url], { providers }));
  upstream.seen.length = 0;
  const response = await fetch(`${gateway.url}${endpoint}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-channel-code': 'test-channel', 'x-request-id': 'golden' },
    body: JSON.stringify(request),
  });
  const text = await response.text();
  const [seen] = upstream.seen;
  const dropped = response.headers.get('x-gateway-dropped');
  return {
    path: seen?.path ?? '',
    upstreamRequest: seen === undefined ? null : JSON.parse(seen.body),
    status: response.status,
    ...(dropped !== null && { dropped }),
    usage: gateway.records.at(-1)?.outcome.usage,
    answer: withoutTimes(
      response.headers.get('content-type')?.startsWith('text/event-stream')
        ? text.split('\n\n').filter((event) => event !== '')
        : JSON.parse(text),
    ),
  };
}

/** Times are the only thing that differs between two runs. */
function withoutTimes(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer)
      .replace(/("(?:created|created_at|completed_at)\\?":)\d{10,}/g, '$10')
      .replace(/(\\"(?:created|created_at|completed_at)\\":)\d{10,}/g, '$10'),
  );
}
