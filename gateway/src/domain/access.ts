import type { AuthMode, VirtualKey } from '@ai-gateway/contracts';
import { isModel, type RequestFacts } from '@ai-gateway/limits';
import type { CompiledConfig } from './compile-snapshot.ts';
import { GatewayError } from './gateway-error.ts';
import type { ModelChoice } from './resolve-model.ts';

/** Who sent the request: the holder of a virtual key, or nobody in particular. */
export type Caller = { readonly kind: 'anonymous' } | { readonly kind: 'key'; readonly keyId: string };

/**
 * May this key be used in this namespace now? An open namespace takes anyone; a key that is not ours is then ignored,
 * because clients must send some key.
 * @throws GatewayError `invalid_api_key`, `key_not_allowed_here`
 */
export function callerOf(
  { id, authMode }: { readonly id: string; readonly authMode: AuthMode },
  key: VirtualKey | undefined,
  nowMs: number,
): Caller {
  if (authMode === 'open') return key === undefined ? { kind: 'anonymous' } : { kind: 'key', keyId: key.id };
  if (key === undefined) throw new GatewayError('invalid_api_key');
  if (!key.isEnabled) throw new GatewayError('invalid_api_key', { internal: `key ${key.id} is disabled` });
  if (key.expiresAt !== undefined && Date.parse(key.expiresAt) <= nowMs) {
    throw new GatewayError('invalid_api_key', { internal: `key ${key.id} has expired` });
  }
  if (key.namespaceIds.length > 0 && !key.namespaceIds.includes(id)) throw new GatewayError('key_not_allowed_here');
  return { kind: 'key', keyId: key.id };
}

/** Facts of a request as far as they are known: a request whose body is not read has no model. */
export function factsOf(
  { payers }: Pick<CompiledConfig, 'payers'>,
  namespaceId: string,
  caller: Caller,
  choice: ModelChoice | undefined,
): RequestFacts {
  const virtualKeyId = caller.kind === 'key' ? caller.keyId : undefined;
  const payer = virtualKeyId === undefined ? undefined : payers.get(virtualKeyId);
  return {
    namespaceId,
    virtualKeyId,
    tenantId: payer?.tenantId,
    customerTypeId: payer?.customerTypeId,
    providerId: choice?.provider.provider.id,
    model: choice?.resolvedModel,
    listedModel: choice === undefined ? undefined : listedName(choice),
  };
}

/**
 * The name by which the provider lists the model. A client can make up any number of names that fit a pattern, so what
 * is kept per model must be kept per pattern there.
 */
function listedName({ provider: { provider }, resolvedModel }: ModelChoice): string {
  if (provider.models.includes(resolvedModel)) return resolvedModel;
  return provider.models.find((pattern) => isModel(pattern, resolvedModel)) ?? resolvedModel;
}

/** The secret in the request: `Authorization: Bearer …` (or bare), else `x-virtual-key`, else Anthropic's `x-api-key`. */
export function secretIn(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): string | undefined {
  const { authorization, 'x-virtual-key': virtualKey, 'x-api-key': apiKey } = headers;
  const text = typeof authorization === 'string' ? authorization.replace(/^bearer\s+/i, '').trim() : '';
  if (text !== '') return text;
  if (typeof virtualKey === 'string' && virtualKey !== '') return virtualKey;
  return typeof apiKey === 'string' && apiKey !== '' ? apiKey : undefined;
}
