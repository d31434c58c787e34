import { expect, it } from 'vitest';
import { openStore } from './db/store.ts';
import { publisher } from './publish/publisher.ts';
import { seed } from './seed.ts';

const now = () => '2026-01-01T00:00:00.000Z';
const settings = {
  SEED_DEMO: true,
  MOCK_LLM_URL: 'http://127.0.0.1:8003',
  OPENAI_API_KEY: 'present',
  OPENAI_BASE_URL: 'https://api.openai.com/v1',
};

// The seed looked for the provider by its name and inserted it under a fixed id: after a renaming no start succeeded.
it('leaves a renamed provider alone and starts again', async () => {
  const store = await openStore('sqlite::memory:');
  const published = await publisher(store, now);
  await seed(published, settings, now);
  const made = await store.read('provider', 'prov_openai');
  if (made === undefined) throw new Error('not seeded');
  await published.change((resources) => resources.update('provider', { ...made, name: 'openai-eu' }, now()));
  await seed(published, settings, now);
  expect((await store.all('provider')).map(({ name }) => name).sort()).toEqual(['mock', 'openai-eu']);
  await store.close();
});
