import { type Caller, callerOf, secretIn } from '../domain/access.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Matched } from './match-namespace.ts';

/** Who is calling, by the namespace's `authMode`. */
export const authenticate: Stage<Received & Matched, { readonly caller: Caller }> = (exchange, services) => {
  const { namespace } = exchange.namespace;
  const secret = secretIn(exchange.headers);
  const isWanted = secret !== undefined && exchange.config.virtualKeys.size > 0;
  const key = isWanted ? exchange.config.virtualKeys.get(services.config.hashOf(secret)) : undefined;
  const userStatus = key?.userId === undefined ? undefined : exchange.config.userStatuses.get(key.userId);
  const caller = callerOf(namespace, key, userStatus, services.nowMs());
  if (caller.kind === 'key') exchange.notes.virtualKeyId = caller.keyId;
  return { caller };
};
