import {
  matcherShape,
  namespaceShape,
  type Policy,
  policyShape,
  providerShape,
  upstreamShape,
} from '@ai-gateway/contracts';
import { audited } from './db/audited.ts';
import type { Resources } from './db/store.ts';
import type { Publisher } from './publish/publisher.ts';
import type { Settings } from './settings.ts';

type SeedSettings = Pick<Settings, 'SEED_DEMO' | 'MOCK_LLM_URL' | 'OPENAI_API_KEY' | 'OPENAI_BASE_URL'>;

const NAMESPACE_ID = 'ns_demo';
const MOCK_PROVIDER_ID = 'prov_mock';
const MOCK_UPSTREAM_ID = 'ups_mock';
const DEFAULT_OPENAI_URL = 'https://api.openai.com/v1';
const OPENAI_MODELS = ['gpt-*', 'o1*', 'o3*', 'o4*', 'chatgpt-*'];

/**
 * Gives an empty database the demo rules, and any database the provider `openai` once its key is in the environment.
 * What operators have changed is left alone.
 */
export async function seed(publisher: Publisher, settings: SeedSettings, now: () => string): Promise<void> {
  await publisher.change(async (plain) => {
    const resources = audited(plain, 'seed', now());
    const { total } = await resources.list('namespace', { page: 1, size: 1 });
    const { total: providers } = await resources.list('provider', { page: 1, size: 1 });
    if (settings.SEED_DEMO && total === 0 && providers === 0) await seedDemo(resources, settings, now());
    await followMock(resources, settings, now());
    if (settings.OPENAI_API_KEY !== undefined) await seedOpenAi(resources, settings, now());
  });
}

async function seedDemo(resources: Resources, { MOCK_LLM_URL }: SeedSettings, at: string): Promise<void> {
  const namespace = namespaceShape.parse({
    id: NAMESPACE_ID,
    code: 'test-channel',
    name: 'Demo channel',
    description: 'Open to everyone who sends X-Channel-Code: test-channel; answered by the mock provider.',
    authMode: 'open',
  });
  await resources.insert('namespace', namespace, at);
  const matcher = { id: 'mat_demo', namespaceId: NAMESPACE_ID, source: 'header', field: 'x-channel-code' };
  await resources.insert('matcher', matcherShape.parse({ ...matcher, operator: 'equals', value: 'test-channel' }), at);
  for (const policy of demoPolicies()) await resources.insert('policy', policy, at);

  const models = ['Qwen3-8B', 'Qwen3-32B', 'gpt-4o-mini', 'mock-*'];
  await resources.insert('provider', providerShape.parse({ id: MOCK_PROVIDER_ID, name: 'mock', models }), at);
  const upstream = { id: MOCK_UPSTREAM_ID, providerId: MOCK_PROVIDER_ID, baseUrl: MOCK_LLM_URL };
  await resources.insert('upstream', upstreamShape.parse(upstream), at);
}

function demoPolicies(): Policy[] {
  const policy = (id: string, name: string, rule: object) =>
    policyShape.parse({ id, namespaceId: NAMESPACE_ID, name, rule });
  return [
    policy('pol_demo_qps', '50 requests per second', { kind: 'qps-limit', maxQps: 50 }),
    policy('pol_demo_concurrency', '50 at a time', { kind: 'concurrency-limit', maxConcurrent: 50 }),
    policy('pol_demo_tokens', '2,000 output tokens per request, 100,000 tokens per hour', {
      kind: 'token-limit',
      maxOutputTokens: 2_000,
      windows: [{ windowSeconds: 3_600, maxTokens: 100_000 }],
    }),
  ];
}

/** The mock may come up on another port than last time; a seeded upstream that still points at this machine follows. */
async function followMock(resources: Resources, { MOCK_LLM_URL }: SeedSettings, at: string): Promise<void> {
  const upstream = await resources.read('upstream', MOCK_UPSTREAM_ID);
  if (upstream === undefined || upstream.baseUrl === MOCK_LLM_URL) return;
  const { hostname } = new URL(upstream.baseUrl);
  if (hostname === '127.0.0.1' || hostname === 'localhost') {
    await resources.update('upstream', { ...upstream, baseUrl: MOCK_LLM_URL }, at);
  }
}

async function seedOpenAi(resources: Resources, { OPENAI_BASE_URL }: SeedSettings, at: string): Promise<void> {
  const { total } = await resources.list('provider', { page: 1, size: 1, where: { name: 'openai' } });
  // An operator may have renamed the seeded provider, or moved its upstream: what was made once is not made again.
  const isMade = await resources.read('provider', 'prov_openai');
  if (total > 0 || isMade !== undefined || (await resources.read('upstream', 'ups_openai')) !== undefined) return;
  // Another base URL means another provider's models, whose names are not known here.
  const models = OPENAI_BASE_URL === DEFAULT_OPENAI_URL ? OPENAI_MODELS : ['*'];
  const provider = { id: 'prov_openai', name: 'openai', apiKeyEnv: 'OPENAI_API_KEY', models, priority: 10 };
  await resources.insert('provider', providerShape.parse(provider), at);
  const upstream = { id: 'ups_openai', providerId: 'prov_openai', baseUrl: OPENAI_BASE_URL };
  await resources.insert('upstream', upstreamShape.parse(upstream), at);
}
