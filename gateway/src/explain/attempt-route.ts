import type { VirtualKey } from '@ai-gateway/contracts';
import type { CompiledConfig } from '../domain/compile-snapshot.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import type { Addressed, Received } from '../exchange.ts';
import {
  type Attempt,
  chatDecision,
  countDecision,
  modelsPipeline,
  type Pipeline,
  passthroughDecision,
} from '../pipeline.ts';
import type { ClientProtocol } from '../protocols/client-protocol.ts';
import type { Services } from '../services.ts';

/** Which pipeline a path and method lead to; `unknown` and `method` are refused before any. */
export type MadeUpRoute =
  | { readonly kind: 'chat' | 'count'; readonly protocol: ClientProtocol }
  | { readonly kind: 'passthrough' | 'models' | 'unknown' | 'method' };

type ChatDecided = typeof chatDecision extends Pipeline<Received & Addressed, infer Out> ? Out : never;

/** What the rules have made of a request, as far as it came. */
export type Decided = Received & Partial<ChatDecided>;

/** Takes a request through the real stages of its route, up to its limits. */
export function attemptRoute(
  received: Received,
  route: MadeUpRoute,
  services: Services,
): Promise<Attempt<ChatDecided>> {
  switch (route.kind) {
    case 'chat':
      return chatDecision.attempt({ ...received, protocol: route.protocol }, services);
    case 'count':
      return countDecision.attempt({ ...received, protocol: route.protocol }, services);
    case 'passthrough':
      return passthroughDecision.attempt(received, services);
    case 'models':
      return modelsPipeline.attempt(received, services);
    case 'unknown':
    case 'method': {
      const error = new GatewayError(route.kind === 'unknown' ? 'not_found' : 'method_not_allowed');
      return Promise.resolve({ reached: received, failure: { stage: 'route', error } });
    }
    default:
      return route satisfies never;
  }
}

/** The virtual key of an id, or of the prefix that people know it by. */
export function keyNamed({ virtualKeys }: CompiledConfig, name: string): VirtualKey | undefined {
  const keys = [...virtualKeys.values()];
  return keys.find(({ id }) => id === name) ?? keys.find(({ prefix }) => prefix === name);
}
