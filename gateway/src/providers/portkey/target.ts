import type { Provider } from '@ai-gateway/contracts';
import type { JsonObject } from '../../protocols/json-fields.ts';
import { API_VERSION } from '../azure-openai.ts';
import type { PortkeyCall } from '../dialect.ts';
import { operationPath } from '../openai-compatible.ts';

/** A provider of ours in Portkey's words: its adapter, and the base URL that the adapter adds its own paths to. */
interface Adapter {
  readonly provider: string;
  readonly custom_host: string;
  readonly [field: string]: string;
}

/**
 * What is compatible with OpenAI is told to Portkey as `openai`: its adapters for DeepSeek, Moonshot and Zhipu leave out
 * tools and usage, and cap answers at 100 tokens where nobody names a maximum (seen in release 1.15.2).
 * https://github.com/Portkey-AI/gateway/tree/main/src/providers
 */
const ADAPTERS: Readonly<Record<Exclude<Provider['dialect'], 'portkey'>, (baseUrl: string, model: string) => Adapter>> =
  {
    openai,
    'openai-responses': openai,
    deepseek: openai,
    moonshot: openai,
    zhipu: openai,
    anthropic: (baseUrl) => ({ provider: 'anthropic', custom_host: versioned(baseUrl) }),
    'azure-openai': azure,
    dashscope: (baseUrl) => ({
      provider: 'dashscope',
      custom_host: `${trimmed(baseUrl).replace(/\/api\/v1$/, '')}/compatible-mode/v1`,
    }),
    gemini: (baseUrl) => ({
      provider: 'google',
      custom_host: trimmed(baseUrl).replace(/\/v\d+(beta\d*|alpha)?$/, ''),
    }),
  };

/** The adapter of a route, its base URL and its key; undefined for a Portkey gateway, which no plan has as a target. */
export function adapterOf(
  { provider: { dialect }, upstream, model, secret }: PortkeyCall['routes'][number],
  requestedModel: string,
): JsonObject | undefined {
  if (dialect === 'portkey') return undefined;
  // Portkey refuses a target without a key, so one that needs none has an empty one.
  return { ...ADAPTERS[dialect](upstream.baseUrl, model ?? requestedModel), api_key: secret ?? '' };
}

function openai(baseUrl: string): Adapter {
  return { provider: 'openai', custom_host: versioned(baseUrl) };
}

/** The deployment is the model; Azure's newer API has no versions, which Portkey calls the version `v1`. */
function azure(baseUrl: string, model: string): Adapter {
  const url = new URL(baseUrl);
  const path = url.pathname.replace(/\/+$/, '');
  const isUnversioned = path.endsWith('/openai/v1');
  return {
    provider: 'azure-openai',
    custom_host: `${url.origin}${path.replace(/\/openai(\/v1)?$/, '')}/openai`,
    resource_name: url.hostname.split('.')[0] ?? '',
    deployment_id: model,
    api_version: isUnversioned ? 'v1' : (url.searchParams.get('api-version') ?? API_VERSION),
  };
}

const versioned = (baseUrl: string) => new URL(baseUrl).origin + operationPath(baseUrl, '').replace(/\/$/, '');
const trimmed = (baseUrl: string) => baseUrl.replace(/\/+$/, '');
