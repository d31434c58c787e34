import { concerns } from '@ai-gateway/limits';
import { type Caller, factsOf } from '../domain/access.ts';
import { checkMessage as verdictOf } from '../domain/check-message.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Matched } from './match-namespace.ts';

/** Applies the message-matching policies that concern the request. */
export const checkMessage: Stage<
  Received & Matched & { readonly caller: Caller; readonly choice?: ModelChoice },
  object
> = ({ namespace, config, caller, choice, view, notes }, { metrics }) => {
  if (namespace.messageRules.length === 0) return {};
  const { code, id: namespaceId } = namespace.namespace;
  const facts = factsOf(config, namespaceId, caller, choice);
  const rules = namespace.messageRules.filter(({ policy }) => concerns(policy.scope, facts));
  const { refusedBy, observed } = verdictOf(rules, view);
  for (const { id } of observed) metrics.refusal(code, { policyId: id, kind: 'message-matching', isObserved: true });
  if (refusedBy === undefined) return {};

  notes.refusedByPolicyIds = [refusedBy.id];
  metrics.refusal(code, { policyId: refusedBy.id, kind: 'message-matching', isObserved: false });
  throw new GatewayError('policy_violation', {
    message: `Policy "${refusedBy.name}" refuses this request.`,
    param: 'message-matching',
    policyIds: [refusedBy.id],
  });
};
