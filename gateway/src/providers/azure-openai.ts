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
 * neither deployments nor versions in its paths.
 */
export const azureOpenai: Dialect = {
  nativePath(protocol, address) {
    const operation = OPERATIONS[protocol];
    return operation === undefined ? undefined : operationPath(address, operation);
  },
  headers: ({ secret }: HeaderFacts): Record<string, string> => (secret === undefined ? {} : { 'api-key': secret }),
  translation: { ...openaiCompatible.translation, path: (address) => operationPath(address, 'chat/completions') },
};

function operationPath({ baseUrl, model }: Address, operation: string): string {
  const base = pathOf(baseUrl);
  if (base.endsWith('/openai/v1')) return `${base}/${operation}`;
  const version = new URL(baseUrl).searchParams.get('api-version') ?? API_VERSION;
  const query = new URLSearchParams({ 'api-version': version });
  return `${base.replace(/\/openai$/, '')}/openai/deployments/${encodeURIComponent(model)}/${operation}?${query}`;
}
