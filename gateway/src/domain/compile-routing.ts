import {
  type CompiledLocation,
  compileLocations,
  indexRedirects,
  type Redirects,
  type Snapshot,
  type UserStatus,
  type VirtualKey,
} from '@ai-gateway/contracts';
import { type ServedModels, servedModelsOf } from './served-models.ts';

/** What decides where a request goes, beside providers and upstreams themselves. */
export interface CompiledRouting {
  /** By provider id. */
  readonly served: ReadonlyMap<string, ServedModels>;
  readonly redirects: {
    readonly common: Redirects;
    /** By namespace id, the common ones included. */
    readonly own: ReadonlyMap<string, Redirects>;
  };
  /** In the order in which they are tried. */
  readonly locations: readonly CompiledLocation[];
  /** The provider of every upstream, also of one that is switched off. */
  readonly providerOfUpstream: ReadonlyMap<string, string>;
  /** By id of the user. */
  readonly userStatuses: ReadonlyMap<string, UserStatus>;
}

/** @throws Error that names the location whose pattern does not compile */
export function compileRouting(snapshot: Snapshot): CompiledRouting {
  const common = snapshot.redirects.filter(({ namespaceId }) => namespaceId === undefined);
  const commonIndex = indexRedirects(common);
  const own = Map.groupBy(snapshot.redirects, ({ namespaceId }) => namespaceId ?? '');
  own.delete('');
  const ownIndex = new Map([...own].map(([id, redirects]) => [id, indexRedirects([...redirects, ...common])]));
  return {
    served: servedModelsOf(snapshot),
    redirects: { common: commonIndex, own: ownIndex },
    locations: compileLocations(snapshot.locations),
    providerOfUpstream: new Map(snapshot.upstreams.map(({ id, providerId }) => [id, providerId])),
    userStatuses: new Map(snapshot.users.map(({ id, status }) => [id, status])),
  };
}

/** The redirects of a namespace; of one that has none of its own, those of all. */
export function redirectsOf({ redirects }: Pick<CompiledRouting, 'redirects'>, namespaceId: string): Redirects {
  return redirects.own.get(namespaceId) ?? redirects.common;
}

/** Virtual keys by the hashes of their secrets; that before a rotation is one that expires. */
export function keysBySecret(virtualKeys: readonly VirtualKey[]): ReadonlyMap<string, VirtualKey> {
  const keys = new Map<string, VirtualKey>();
  for (const key of virtualKeys) {
    const { previousSecretHash, previousUntil, expiresAt } = key;
    keys.set(key.secretHash, key);
    if (previousSecretHash === undefined || previousUntil === undefined) continue;
    const isSooner = expiresAt !== undefined && Date.parse(expiresAt) < Date.parse(previousUntil);
    keys.set(previousSecretHash, { ...key, expiresAt: isSooner ? expiresAt : previousUntil });
  }
  return keys;
}
