import { portkeyConfigShape, providerShape, upstreamShape } from '@ai-gateway/contracts';
import { describe, expect, it } from 'vitest';
import type { PortkeyCall } from '../dialect.ts';
import { headerJson, portkeyConfigOf } from './config.ts';

/** A call with one route for each target: a dialect, its base URL, and what else the target says. */
function callWith(
  targets: readonly (object & { readonly dialect: string; readonly baseUrl: string; readonly model?: string })[],
  more: object = {},
): PortkeyCall {
  const config = portkeyConfigShape.parse({
    id: 'pkc_1',
    providerId: 'prov_portkey',
    name: 'main',
    targets: targets.map(({ dialect: _, baseUrl: __, ...target }, index) => ({ providerId: `p${index}`, ...target })),
    ...more,
  });
  const routes = targets.map(({ dialect, baseUrl, model }, index) => ({
    target: config.targets[index] as PortkeyCall['routes'][number]['target'],
    provider: providerShape.parse({ id: `p${index}`, name: `p${index}`, dialect, models: [] }),
    upstream: upstreamShape.parse({ id: `u${index}`, providerId: `p${index}`, baseUrl }),
    model,
    secret: `sk-${index}`,
  }));
  return { config, routes, model: 'gpt-4o', metadata: {}, traceId: 'req_1' };
}

describe('a config in the words of Portkey', () => {
  it.each([
    ['openai', 'https://api.openai.com', 'openai', 'https://api.openai.com/v1'],
    ['openai-responses', 'http://10.0.0.7:9000/v1/', 'openai', 'http://10.0.0.7:9000/v1'],
    ['deepseek', 'https://api.deepseek.com', 'openai', 'https://api.deepseek.com/v1'],
    ['moonshot', 'https://api.moonshot.cn/v1', 'openai', 'https://api.moonshot.cn/v1'],
    ['zhipu', 'https://open.bigmodel.cn/api/paas/v4', 'openai', 'https://open.bigmodel.cn/api/paas/v4'],
    ['anthropic', 'https://api.anthropic.com', 'anthropic', 'https://api.anthropic.com/v1'],
    ['dashscope', 'https://dashscope.aliyuncs.com', 'dashscope', 'https://dashscope.aliyuncs.com/compatible-mode/v1'],
    ['dashscope', 'https://a.com/api/v1', 'dashscope', 'https://a.com/compatible-mode/v1'],
    ['gemini', 'https://generativelanguage.googleapis.com', 'google', 'https://generativelanguage.googleapis.com'],
    ['gemini', 'https://proxy.com/g/v1beta', 'google', 'https://proxy.com/g'],
  ])('tells %s at %s as %s at %s', (dialect, baseUrl, provider, host) => {
    expect(portkeyConfigOf(callWith([{ dialect, baseUrl }]))).toEqual({
      strategy: { mode: 'single' },
      targets: [{ provider, custom_host: host, api_key: 'sk-0' }],
    });
  });

  it.each([
    ['https://acme.openai.azure.com', '2024-10-21'],
    ['https://acme.openai.azure.com/openai/v1', 'v1'],
    ['https://acme.openai.azure.com?api-version=2025-01-01', '2025-01-01'],
  ])('tells Azure at %s with its deployment and version', (baseUrl, version) => {
    const azure = {
      provider: 'azure-openai',
      custom_host: 'https://acme.openai.azure.com/openai',
      resource_name: 'acme',
      api_version: version,
      api_key: 'sk-0',
    };
    const target = { dialect: 'azure-openai', baseUrl };
    expect(portkeyConfigOf(callWith([target])).targets).toEqual([{ ...azure, deployment_id: 'gpt-4o' }]);
    expect(portkeyConfigOf(callWith([{ ...target, model: 'dep' }])).targets).toEqual([
      { ...azure, deployment_id: 'dep', override_params: { model: 'dep' } },
    ]);
  });

  it('has the settings of all targets and of each', () => {
    const targets = [
      { dialect: 'openai', baseUrl: 'https://a.com', weight: 3, model: 'm-1', overrideParams: { top_p: 0.5 } },
      { dialect: 'openai', baseUrl: 'https://b.com', retry: { attempts: 1 }, requestTimeoutMs: 500 },
    ];
    const settings = {
      overrideParams: { temperature: 0 },
      retry: { attempts: 2, onStatusCodes: [429, 503] },
      cache: { mode: 'simple', maxAgeSeconds: 60 },
      requestTimeoutMs: 9_000,
    };
    expect(portkeyConfigOf(callWith(targets, { ...settings, strategy: { mode: 'loadbalance' } }))).toEqual({
      strategy: { mode: 'loadbalance' },
      override_params: { temperature: 0 },
      retry: { attempts: 2, on_status_codes: [429, 503] },
      cache: { mode: 'simple', max_age: 60 },
      request_timeout: 9_000,
      targets: [
        {
          provider: 'openai',
          custom_host: 'https://a.com/v1',
          api_key: 'sk-0',
          weight: 3,
          override_params: { top_p: 0.5, model: 'm-1' },
        },
        {
          provider: 'openai',
          custom_host: 'https://b.com/v1',
          api_key: 'sk-1',
          weight: 1,
          retry: { attempts: 1 },
          request_timeout: 500,
        },
      ],
    });
  });

  it('names its targets where conditions choose', () => {
    const targets = ['paid', 'free'].map((name) => ({ name, dialect: 'openai', baseUrl: `https://${name}.com` }));
    const query = { 'metadata.tenant': { $in: ['ten_1'] } };
    const strategy = { mode: 'conditional', conditions: [{ query, target: 'paid' }], default: 'free' };
    const { strategy: told, targets: routes } = portkeyConfigOf(callWith(targets, { strategy }));
    expect(JSON.stringify(told)).toBe(
      '{"mode":"conditional","conditions":[{"query":{"metadata.tenant":{"$in":["ten_1"]}},"then":"paid"}],"default":"free"}',
    );
    expect(routes).toMatchObject([{ name: 'paid' }, { name: 'free' }]);
  });

  it('says after which statuses it goes on', () => {
    const targets = ['a', 'b'].map((name) => ({ dialect: 'openai', baseUrl: `https://${name}.com` }));
    const strategy = { mode: 'fallback', onStatusCodes: [429] };
    expect(portkeyConfigOf(callWith(targets, { strategy })).strategy).toEqual({
      mode: 'fallback',
      on_status_codes: [429],
    });
  });

  it('fits into a header, whatever people write', () => {
    const value = { team: '研发 😀', line: 'a\nb' };
    expect(headerJson(value)).toMatch(/^[ -~]+$/);
    expect(JSON.parse(headerJson(value))).toEqual(value);
  });
});
