import { type Location, locationShape, namespaceShape, snapshotShape } from '@ai-gateway/contracts';
import { describe, expect, it } from 'vitest';
import { compileSnapshot } from './compile-snapshot.ts';
import { findModel, listModels } from './list-models.ts';
import { type ModelRequest, resolveModel } from './resolve-model.ts';

const config = compileSnapshot(
  snapshotShape.parse({
    epoch: 'e',
    revision: 1,
    createdAt: '2026-01-01T00:00:00Z',
    namespaces: [],
    matchers: [],
    policies: [],
    providers: [
      { id: 'openai', name: 'openai', models: ['gpt-*', 'o3'], priority: 10 },
      { id: 'mock', name: 'mock', models: ['gpt-4o-mini', 'Qwen3-8B', 'deepseek-ai/deepseek-v3'], priority: 100 },
      { id: 'twin', name: 'twin', models: ['Qwen3-*', 'gpt-4o-mini'], priority: 100 },
      { id: 'off', name: 'off', models: ['*'], isEnabled: false },
      { id: 'bare', name: 'bare', models: ['gpt-4o-mini'], priority: 200 },
    ],
    upstreams: ['openai', 'mock', 'twin', 'off'].flatMap((providerId) => [
      { id: `${providerId}-1`, providerId, baseUrl: 'http://h' },
      { id: `${providerId}-2`, providerId, baseUrl: 'http://h', isEnabled: false },
    ]),
    virtualKeys: [],
    models: [
      { id: 'm1', providerId: 'mock', name: 'chat', upstreamName: 'ep-2024', aliases: ['talk'], maxOutputTokens: 9 },
      { id: 'm2', providerId: 'twin', name: 'Qwen3-0.6B', aliases: ['Qwen3-tiny'], isEnabled: false },
    ],
    redirects: [
      { id: 'r1', model: 'gpt-4-fast', target: 'gpt-4-turbo' },
      { id: 'r2', model: 'fast', target: 'gpt-4-fast' },
      { id: 'r3', model: 'claude-*', target: 'mock/Qwen3-8B', priority: 50 },
      { id: 'r4', model: 'claude-fast', target: 'o3' },
      { id: 'r5', model: 'qwen:*-*', target: 'twin/Qwen3-*-*' },
      { id: 'r6', namespaceId: 'n2', model: 'fast', target: 'Qwen3-8B' },
      { id: 'r7', model: 'out', target: 'o3', isEnabled: false },
      { id: 'r8', model: 'a*', target: 'b*' },
      { id: 'r9', model: 'b*', target: 'a*' },
    ],
  }),
);

const namespaceOf = (more: object = {}) => namespaceShape.parse({ id: 'n1', code: 'n1', name: 'n1', ...more });
const locationOf = (more: object): Location => locationShape.parse({ id: 'l', path: '/x', ...more });
const requestOf = (requestedModel: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  requestedModel,
  namespace: namespaceOf(),
  keyModels: [],
  ...more,
});

function resolved(model: string, more: Partial<ModelRequest> = {}): string {
  const { provider, resolvedModel } = resolveModel(config, requestOf(model, more));
  return `${provider.provider.name} ${resolvedModel}`;
}

function refusal(model: string, more: Partial<ModelRequest> = {}): unknown {
  try {
    return resolved(model, more);
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

describe('which provider serves a model', () => {
  it.each([
    ['openai/gpt-4', 'openai gpt-4'],
    ['mock/gpt-4o-mini', 'mock gpt-4o-mini'],
    ['gpt-4o-mini', 'openai gpt-4o-mini'],
    ['Qwen3-8B', 'mock Qwen3-8B'],
    ['Qwen3-32B', 'twin Qwen3-32B'],
    ['deepseek-ai/deepseek-v3', 'mock deepseek-ai/deepseek-v3'],
  ])('%s: %s', (model, expected) => expect(resolved(model)).toBe(expected));

  it.each(['claude', 'mock/claude-3', 'off/anything', 'gpt', 'o3-mini', 'qwen3-8B', 'nobody/gpt-4'])(
    'nobody serves %s',
    (model) => expect(refusal(model)).toBe('model_not_found'),
  );
});

describe('redirects', () => {
  it.each([
    ['of one name', 'gpt-4-fast', 'openai gpt-4-turbo'],
    ['of another redirect', 'fast', 'openai gpt-4-turbo'],
    ['to a provider, by a pattern that goes before an exact name', 'claude-fast', 'mock Qwen3-8B'],
    ['with what the pattern stands for', 'qwen:32B-chat', 'twin Qwen3-32B-chat'],
  ])('%s', (_, model, expected) => expect(resolved(model)).toBe(expected));

  it('of a namespace go before those of all', () => {
    expect(resolved('fast', { namespace: namespaceOf({ id: 'n2' }) })).toBe('mock Qwen3-8B');
  });
  it('that are switched off do nothing', () => expect(refusal('out')).toBe('model_not_found'));
  it('that never end lead nowhere', () => expect(refusal('abc')).toBe('model_not_found'));
});

describe('models', () => {
  it('are known by their name and their aliases, and the provider by its own', () => {
    for (const name of ['chat', 'talk', 'mock/talk']) {
      const choice = resolveModel(config, requestOf(name));
      expect(choice).toMatchObject({ resolvedModel: 'chat', upstreamModel: 'ep-2024', maxOutputTokens: 9 });
    }
  });
  it('that are switched off are not served, whatever the patterns say', () => {
    expect(['Qwen3-0.6B', 'twin/Qwen3-0.6B', 'Qwen3-tiny'].map((name) => refusal(name))).toEqual(
      Array.from({ length: 3 }, () => 'model_not_found'),
    );
  });
});

describe('what picks the provider, the first of these', () => {
  const namespace = namespaceOf({ defaultProviderId: 'twin' });
  const location = locationOf({ upstreamId: 'mock-1' });
  it.each([
    ['prefix', 'openai/gpt-4o-mini', { namespace, location }, 'openai gpt-4o-mini'],
    ['prefix of a redirect', 'claude-3', { namespace }, 'mock Qwen3-8B'],
    ['body', 'gpt-4o-mini', { namespace, location, requestedProvider: 'openai' }, 'openai gpt-4o-mini'],
    ['location', 'gpt-4o-mini', { namespace, location }, 'mock gpt-4o-mini'],
    ['namespace', 'gpt-4o-mini', { namespace }, 'twin gpt-4o-mini'],
    ['balancer', 'gpt-4o-mini', {}, 'openai gpt-4o-mini'],
    ['balancer, where the default has not the model', 'o3', { namespace }, 'openai o3'],
    [
      'namespace, where the location names one without upstreams',
      'gpt-4o-mini',
      { namespace, location: locationOf({ providerId: 'bare' }) },
      'twin gpt-4o-mini',
    ],
    [
      'namespace, where the location names one that is switched off',
      'gpt-4o-mini',
      { namespace, location: locationOf({ upstreamId: 'off-1' }) },
      'twin gpt-4o-mini',
    ],
  ] as const)('%s', (_, model, more, expected) => expect(resolved(model, more)).toBe(expected));

  it('a prefix and a body that differ are refused, and so is a provider that does not exist', () => {
    expect(refusal('openai/gpt-4', { requestedProvider: 'mock' })).toBe('invalid_request');
    expect(resolved('openai/gpt-4', { requestedProvider: 'openai' })).toBe('openai gpt-4');
    expect(refusal('gpt-4', { requestedProvider: 'off' })).toBe('provider_not_found');
  });

  it('a location whose provider has not the model does not send it elsewhere', () => {
    expect(refusal('o3', { location })).toBe('model_not_found');
  });

  it('an upstream is preferred only while it is switched on, and then only at its own provider', () => {
    const preferred = (model: string, more: Partial<ModelRequest>) => {
      const { provider, preferredUpstreamId } = resolveModel(config, requestOf(model, more));
      return [provider.provider.name, provider.upstreams.map(({ id }) => id).join(), preferredUpstreamId];
    };
    expect(preferred('gpt-4o-mini', { location })).toEqual(['mock', 'mock-1', 'mock-1']);
    const disabled = locationOf({ upstreamId: 'mock-2' });
    expect(preferred('gpt-4o-mini', { location: disabled })).toEqual(['mock', 'mock-1', undefined]);
    expect(preferred('openai/gpt-4', { location })).toEqual(['openai', 'openai-1', undefined]);
  });
});

describe('what a caller may use', () => {
  it.each([
    ['all', {}, 'gpt-4o-mini', 'openai gpt-4o-mini'],
    ['allowed here', { allowedModels: ['gpt-4*'] }, 'gpt-4o-mini', 'openai gpt-4o-mini'],
    ['not allowed here', { allowedModels: ['gpt-4*'] }, 'Qwen3-8B', 'model_not_found'],
    [
      'denied, which goes before allowed',
      { allowedModels: ['*'], deniedModels: ['*mini*'] },
      'gpt-4o-mini',
      'model_not_found',
    ],
    ['allowed at one provider', { allowedModels: ['twin/*'] }, 'gpt-4o-mini', 'twin gpt-4o-mini'],
    ['denied at one provider', { deniedModels: ['openai/*'] }, 'gpt-4o-mini', 'mock gpt-4o-mini'],
    [
      'asked for where it is denied, but listed',
      { deniedModels: ['openai/*'] },
      'openai/gpt-4o-mini',
      'model_not_allowed',
    ],
    ['asked for where it is denied, and not listed', { deniedModels: ['openai/*'] }, 'openai/o3', 'model_not_found'],
    ['judged by the name that a redirect leads to', { deniedModels: ['gpt-4-turbo'] }, 'fast', 'model_not_found'],
    ['judged by the name, not by the alias', { deniedModels: ['chat'] }, 'talk', 'model_not_found'],
  ])('%s', (_, lists, model, expected) => {
    expect(refusal(model, { namespace: namespaceOf(lists) })).toBe(expected);
  });

  it('is what both the namespace and the key let through', () => {
    const namespace = namespaceOf({ allowedModels: ['gpt-*', 'o3'] });
    expect(refusal('o3', { namespace, keyModels: ['o3', 'Qwen3-8B'] })).toBe('openai o3');
    expect(refusal('gpt-4', { namespace, keyModels: ['o3', 'Qwen3-8B'] })).toBe('model_not_found');
    expect(refusal('Qwen3-8B', { namespace, keyModels: ['o3', 'Qwen3-8B'] })).toBe('model_not_found');
  });

  it('is what is listed: exact names, aliases and exact redirects', () => {
    const names = (lists: object, keyModels: readonly string[] = []) =>
      listModels(config, { namespace: namespaceOf(lists), keyModels })
        .map(({ name, provider }) => `${provider} ${name}`)
        .toSorted();
    expect(names({})).toEqual([
      'mock Qwen3-8B',
      'mock chat',
      'mock claude-fast',
      'mock deepseek-ai/deepseek-v3',
      'mock talk',
      'openai fast',
      'openai gpt-4-fast',
      'openai gpt-4o-mini',
      'openai o3',
    ]);
    expect(names({ deniedModels: ['openai/*', 'chat'] }, ['*mini', 'chat', 'o3'])).toEqual(['mock gpt-4o-mini']);
  });

  it('can be looked up by any name under which it is served', () => {
    const access = { namespace: namespaceOf({ deniedModels: ['o3'] }), keyModels: [] };
    const found = (name: string) => findModel(config, access, name)?.provider;
    expect([found('gpt-anything'), found('mock/chat'), found('o3'), found('nothing')]).toEqual([
      'openai',
      'mock',
      undefined,
      undefined,
    ]);
  });
});
