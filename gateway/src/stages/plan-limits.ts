import type { TokenPolicy } from '../domain/compile-snapshot.ts';
import type { Limit } from '../domain/limits/plan.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Matched } from './match-namespace.ts';

/** The limits to take together, and the token policies that apply to this kind of request. */
export interface Planned {
  readonly limits: readonly Limit[];
  readonly tokenPolicies: readonly TokenPolicy[];
}

export const planLimits: Stage<Received & Matched & { readonly chat: Chat }, Planned> = ({ namespace, chat }) => {
  const kind = chat.isStream ? 'stream' : 'non-stream';
  return {
    limits: chat.isStream ? namespace.streamLimits : namespace.plainLimits,
    tokenPolicies: namespace.tokenPolicies.filter(({ rule }) => rule.appliesTo === 'all' || rule.appliesTo === kind),
  };
};
