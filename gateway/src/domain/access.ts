import { type AuthMode, mayUseApi, type UserStatus, type VirtualKey } from '@ai-gateway/contracts';
import type { RequestFacts } from '@ai-gateway/limits';
import type { CompiledConfig } from './compile-snapshot.ts';
import { GatewayError } from './gateway-error.ts';
import type { ModelChoice } from './resolve-model.ts';

/** Who sent the request: the holder of a virtual key, or nobody in particular. */
export type Caller =
  | { readonly kind: 'anonymous' }
  /** `allowedModels`: models that the key may use; empty means all. */
  | { readonly kind: 'key'; readonly keyId: string; readonly allowedModels: readonly string[] };

/**
 * May this key be used in this namespace now? An open namespace takes anyone; a key that is not ours is then ignored,
 * because clients must send some key.
 * @param userStatus of the key's user, where it has one
 * @throws GatewayError `invalid_api_key`, `key_not_allowed_here`, `user_not_active`, `insufficient_balance`
 */
export function callerOf(
  { id, authMode }: { readonly id: string; readonly authMode: AuthMode },
  key: VirtualKey | undefined,
  userStatus: UserStatus | undefined,
  nowMs: number,
): Caller {
  if (authMode === 'open') return key === undefined ? { kind: 'anonymous' } : holderOf(key);
  if (key === undefined) throw new GatewayError('invalid_api_key');
  if (!key.isEnabled) throw new GatewayError('invalid_api_key', { internal: `key ${key.id} is disabled` });
  if (key.expiresAt !== undefined && Date.parse(key.expiresAt) <= nowMs) {
    throw new GatewayError('invalid_api_key', { internal: `key ${key.id} has expired` });
  }
  if (key.namespaceIds.length > 0 && !key.namespaceIds.includes(id)) throw new GatewayError('key_not_allowed_here');
  if (key.userId !== undefined && userStatus === 'overdue') {
    throw new GatewayError('insufficient_balance', { message: 'The user of this virtual key is overdue.' });
  }
  if (key.userId !== undefined && !mayUseApi(userStatus)) {
    const message = `The user of this virtual key may not use the API now: its status is ${userStatus ?? 'unknown'}.`;
    throw new GatewayError('user_not_active', { message });
  }
  return holderOf(key);
}

function holderOf({ id, allowedModels }: VirtualKey): Caller {
  return { kind: 'key', keyId: id, allowedModels };
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
    userId: payer?.userId,
    tenantId: payer?.tenantId,
    customerTypeId: payer?.customerTypeId,
    providerId: choice?.provider.provider.id,
    model: choice?.resolvedModel,
    listedModel: choice?.listedModel,
  };
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
