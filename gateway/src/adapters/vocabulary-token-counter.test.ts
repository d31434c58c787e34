import { cutText, tokenizerOf } from '@ai-gateway/tokenizer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/test-gateway.ts';
import { smallVocabulary, startTokenService } from '../../test/support/token-service.ts';
import { httpTokenCounter } from './http-token-counter.ts';
import { vocabularyFeed } from './vocabulary-feed.ts';
import { vocabularyTokenCounter } from './vocabulary-token-counter.ts';

const TEXT = 'the word the word, in the ordering of words';
const MUCH = Number.MAX_SAFE_INTEGER;

let service: Awaited<ReturnType<typeof startTokenService>>;
let now: number;
let logged: string[];
let closers: (() => Promise<void>)[];

beforeEach(async () => {
  service = await startTokenService();
  now = 1_000_000;
  logged = [];
  closers = [service.close];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

function counter() {
  const parts = { url: service.url, timeoutMs: 500, nowMs: () => now };
  const http = httpTokenCounter(parts);
  const note = (_: unknown, message: string) => void logged.push(message);
  const feed = vocabularyFeed({ ...parts, log: { info: note, warn: note } });
  closers.push(http.close, feed.close);
  return vocabularyTokenCounter(feed, http);
}

type Counter = ReturnType<typeof counter>;
const count = async (tokens: Counter, model = 'm', text = TEXT) => (await tokens.cut(model, text, MUCH, 0)).tokens;
const countIn = (version: number, text: string) => tokenizerOf(smallVocabulary('small', version)).count(text);

/** Waits for what follows a log line at once. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A counter that holds the vocabulary of `m`. */
async function loaded(): Promise<Counter> {
  const tokens = counter();
  await count(tokens);
  await eventually(() => logged.includes('vocabulary is here'));
  await settled();
  return tokens;
}

describe('counting', () => {
  it('asks the token service at first, and not once more when the vocabulary is here', async () => {
    const tokens = counter();
    expect(await count(tokens)).toBe(countIn(1, TEXT));
    await eventually(() => logged.includes('vocabulary is here'));
    await settled();
    const before = service.calls.length;
    for (let round = 0; round < 10; round++) expect(await count(tokens)).toBe(countIn(1, TEXT));
    expect(service.calls).toHaveLength(before);
    expect(service.calls.toSorted()).toEqual(['/cut', '/models/m', '/vocabularies/small/1']);
  });

  it('answers the same here as the token service does, wherever the cut falls', async () => {
    const tokens = await loaded();
    const http = httpTokenCounter({ url: service.url, timeoutMs: 500, nowMs: () => now });
    closers.push(http.close);
    for (let maxTokens = 0; maxTokens < 25; maxTokens++) {
      const here = await tokens.cut('m', TEXT, maxTokens, 3);
      expect(here).toMatchObject({ ...(await http.cut('m', TEXT, maxTokens, 3)), ratio: 1 });
    }
  });

  it('goes on exactly while the token service is away', async () => {
    const tokens = await loaded();
    await service.close();
    now += 120_000;
    const { cutAt, cutTokens, exact } = await tokens.cut('m', TEXT, 5, 0);
    expect(exact).toBe(true);
    expect(cutTokens).toBe(countIn(1, TEXT.slice(0, cutAt)));
    expect(cutText(tokenizerOf(smallVocabulary('small')), TEXT, 5, 0)).toMatchObject({ cutAt, cutTokens });
  });

  it.each([
    ['longer than 32,768 units', 'word '.repeat(6_554)],
    ['with a long run of letters', 'a'.repeat(300)],
  ])('leaves a text %s to the token service', async (_name, text) => {
    const tokens = await loaded();
    const before = service.asked('/cut');
    expect(await count(tokens, 'm', text)).toBe(countIn(1, text));
    expect(service.asked('/cut')).toBe(before + 1);
    await service.close();
    await expect(count(tokens, 'm', text)).rejects.toThrow();
  });

  it('fails as before when neither the vocabulary nor the token service is there', async () => {
    await service.close();
    await expect(count(counter())).rejects.toThrow();
  });

  it('scales the counts of a model that is estimated', async () => {
    service.models.set('claude', { vocabulary: 'small', version: 1, exact: false, ratio: 1.25 });
    const tokens = await loaded();
    await count(tokens, 'claude');
    await eventually(() => service.asked('/models/claude') === 1);
    await settled();
    const whole = countIn(1, TEXT);
    expect(await tokens.cut('claude', TEXT, MUCH, 0)).toMatchObject({ tokens: Math.ceil(whole * 1.25), exact: false });
    const cut = await tokens.cut('claude', TEXT, 10, 0);
    expect(cut.cutTokens).toBeLessThanOrEqual(10);
    expect(countIn(1, TEXT.slice(0, cut.cutAt))).toBe(8);
  });

  it('leaves inputs to the token service, with the variables of the template', async () => {
    const templateVariables = { enable_thinking: false };
    const messages = [{ role: 'user', content: 'hi' }];
    const counted = await counter().countChat('m', { messages, tools: undefined, templateVariables });
    expect(counted).toEqual({ tokens: 7, exact: true });
    expect(service.chats).toEqual([{ model: 'm', messages, chat_template_kwargs: templateVariables }]);
  });
});

describe('a vocabulary', () => {
  it('is replaced by a new version, and serves until that is here', async () => {
    const tokens = await loaded();
    service.usual.version = 2;
    service.broken.add('vocabularies');
    now += 59_000;
    await count(tokens, 'm', 'xy');
    expect(service.asked('/models')).toBe(1);

    now += 2_000;
    expect(await count(tokens, 'm', 'xy')).toBe(2);
    await eventually(() => logged.includes('vocabulary cannot be had'));
    expect(service.asked('/models')).toBe(2);
    expect(await count(tokens, 'm', 'xy')).toBe(2);

    service.broken.clear();
    now += 10_000;
    await count(tokens, 'm', 'xy');
    await eventually(() => logged.filter((message) => message === 'vocabulary is here').length === 2);
    await settled();
    expect(await count(tokens, 'm', 'xy')).toBe(1);
    expect(service.asked('/cut')).toBe(1);
  });

  it('that cannot be had is not asked for again within 10 s', async () => {
    service.broken.add('vocabularies');
    const tokens = counter();
    await count(tokens);
    await eventually(() => logged.includes('vocabulary cannot be had'));
    now += 9_999;
    for (let round = 0; round < 5; round++) await count(tokens);
    expect(service.asked('/vocabularies')).toBe(1);
    now += 1;
    await count(tokens);
    await eventually(() => service.asked('/vocabularies') === 2);
    expect(service.asked('/cut')).toBe(7);
  });

  it('is downloaded once for all who ask at the same time', async () => {
    const tokens = counter();
    await Promise.all(Array.from({ length: 20 }, () => count(tokens)));
    await eventually(() => logged.includes('vocabulary is here'));
    expect([service.asked('/models'), service.asked('/vocabularies')]).toEqual([1, 1]);
  });

  it('that is damaged is refused', async () => {
    service.damage();
    const tokens = counter();
    await count(tokens);
    await eventually(() => logged.includes('vocabulary cannot be had'));
    expect(await count(tokens)).toBe(countIn(1, TEXT));
    expect(service.asked('/cut')).toBe(2);
  });

  it('that cannot be packed is left to the token service', async () => {
    service.usual.version = 0;
    const tokens = counter();
    for (let round = 0; round < 3; round++) {
      await count(tokens);
      await settled();
    }
    expect(service.calls.toSorted()).toEqual(['/cut', '/cut', '/cut', '/models/m']);
  });

  it('goes when eight others have been used since', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `v${index}`);
    for (const vocabulary of names) service.models.set(vocabulary, { vocabulary, version: 1, exact: true, ratio: 1 });
    const tokens = counter();
    for (const [index, name] of names.entries()) {
      await count(tokens, name);
      await eventually(() => logged.length === index + 1);
    }
    await settled();
    for (const name of names.slice(1)) await count(tokens, name);
    expect(service.asked('/cut')).toBe(9);
    const before = service.asked('/cut');
    await count(tokens, 'v0');
    expect(service.asked('/cut')).toBe(before + 1);
    await eventually(() => logged.length === 10);
    expect(service.asked('/vocabularies/v0')).toBe(2);
  });
});

describe('models that clients invent', () => {
  it('are asked for eight at a time, and only 1,000 of them are remembered', async () => {
    const tokens = await loaded();
    await Promise.all(Array.from({ length: 50 }, (_, index) => count(tokens, `burst-${index}`)));
    await settled();
    expect(service.asked('/models/burst')).toBe(8);

    for (let index = 0; index < 1_001; index++) {
      await count(tokens, `invented-${index}`);
      await eventually(() => service.asked(`/models/invented-${index}`) > 0);
    }
    const before = service.asked('/cut');
    await count(tokens, 'm');
    expect(service.asked('/cut')).toBe(before + 1);
  });

  it('and that the token service does not know are asked for again after 10 s', async () => {
    service.broken.add('models');
    const tokens = counter();
    for (let round = 0; round < 5; round++) await count(tokens, 'unknown');
    expect(service.asked('/models')).toBe(1);
    now += 10_001;
    await count(tokens, 'unknown');
    await eventually(() => service.asked('/models') === 2);
  });
});
