import type { ProtocolName } from '../protocols/client-protocol.ts';
import type { Address, Dialect, HeaderFacts } from './dialect.ts';
import { openaiCompatible, pathOf } from './openai-compatible.ts';

/** Version of the API that is asked for where the base URL names none. */
export const API_VERSION = '2024-10-21';

/** Where a deployment takes requests of the protocols that it speaks itself. */
const OPERATIONS: Readonly<Partial<Record<ProtocolName, string>>> = {
  'openai-chat': 'chat/completions',
  'openai-completions': 'completions',
  'openai-embeddings': 'embeddings',
};

/**
 * Azure OpenAI. The model's name is the deployment's. The base URL is the resource's and may name the API version
 * (`https://name.openai.azure.com?api-version=2024-10-21`); one that ends in `/openai/v1` is Azure's newer API, which has
 * neither deployments nor versions in its paths, and the Responses API beside chat completions.
 */
export const azureOpenai: Dialect = {
  nativePath(protocol, address) {
    if (protocol === 'openai-responses')
      return isNewer(address.baseUrl) ? operationPath(address, 'responses') : undefined;
    const operation = OPERATIONS[protocol];
    return operation === undefined ? undefined : operationPath(address, operation);
  },
  plainPath(baseUrl, operation) {
    return isNewer(baseUrl)
      ? `${pathOf(baseUrl)}/${operation}`
      : `${resourcePath(baseUrl)}/${operation}?${versionIn(baseUrl)}`;
  },
  headers: ({ secret }: HeaderFacts): Record<string, string> => (secret === undefined ? {} : { 'api-key': secret }),
  translation: { ...openaiCompatible.translation, path: (address) => operationPath(address, 'chat/completions') },
};

function operationPath({ baseUrl, model }: Address, operation: string): string {
  if (isNewer(baseUrl)) return `${pathOf(baseUrl)}/${operation}`;
  return `${resourcePath(baseUrl)}/deployments/${encodeURIComponent(model)}/${operation}?${versionIn(baseUrl)}`;
}

function isNewer(baseUrl: string): boolean {
  return pathOf(baseUrl).endsWith('/openai/v1');
}

/** Path of the resource's API: the base URL may or may not end in it. */
function resourcePath(baseUrl: string): string {
  return `${pathOf(baseUrl).replace(/\/openai$/, '')}/openai`;
}

function versionIn(baseUrl: string): URLSearchParams {
  return new URLSearchParams({ 'api-version': new URL(baseUrl).searchParams.get('api-version') ?? API_VERSION });
}
