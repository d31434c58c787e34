import type { Fault } from '../faults.ts';
import type { Fields } from './kinds.ts';
import type { RuleRows } from './names.ts';

/** Portkey configs of a provider that is no Portkey gateway, with a target that is one, or beside another active one. */
export function portkeyFaults({ portkeyConfigs, providers }: RuleRows): Fault[] {
  const gateways = new Set(providers.filter(({ dialect }) => dialect === 'portkey').map(({ id }) => id));
  const active = Map.groupBy(
    portkeyConfigs.filter(({ isEnabled }) => isEnabled === true),
    ({ providerId }) => String(providerId),
  );
  return portkeyConfigs.flatMap(({ name, providerId, targets, isEnabled }) => {
    const owner = String(providerId);
    const fault = (message: string): Fault => ({ path: 'portkeyConfigs', message: `"${name}": ${message}` });
    const toGateway = (targets as readonly Fields[]).some((target) => gateways.has(String(target.providerId)));
    const [first] = active.get(owner) ?? [];
    return [
      ...(gateways.has(owner) ? [] : [fault('its provider is no Portkey gateway.')]),
      ...(toGateway ? [fault('a Portkey gateway is no target of another.')] : []),
      ...(isEnabled === true && first?.name !== name ? [fault(`the config "${first?.name}" is active already.`)] : []),
    ];
  });
}
