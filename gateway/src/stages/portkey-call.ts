import { chooseKey } from '../domain/choose-key.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Received } from '../exchange.ts';
import type { PortkeyCall } from '../providers/dialect.ts';
import type { Services } from '../services.ts';
import type { Matched } from './match-namespace.ts';
import type { Planned } from './plan-limits.ts';

/** What a Portkey gateway is told of one attempt; undefined for every other provider. */
export function portkeyCallOf(
  { requestId, namespace, facts }: Received & Matched & Pick<Planned, 'facts'>,
  { provider: { portkey }, upstreamModel }: ModelChoice,
  { health, random }: Services,
): PortkeyCall | undefined {
  if (portkey?.kind !== 'routed') return undefined;
  const passedOver = health.coolingKeys();
  const routes = portkey.routes.map(({ keys, ...route }) => {
    const key = chooseKey(keys, { upstreamId: route.upstream.id, passedOver, random });
    return { ...route, secret: key?.reveal() };
  });
  const caller = {
    namespace: namespace.namespace.code,
    // The name by which Portkey groups requests of one user.
    _user: facts.userId ?? facts.virtualKeyId,
    virtual_key: facts.virtualKeyId,
    tenant: facts.tenantId,
    customer_type: facts.customerTypeId,
  };
  const known = Object.entries(caller).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const metadata = { ...portkey.config.metadata, ...Object.fromEntries(known) };
  return { config: portkey.config, routes, model: upstreamModel, metadata, traceId: requestId };
}
