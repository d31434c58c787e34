import { checkMessage as verdictOf } from '../domain/check-message.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Matched } from './match-namespace.ts';

/** Applies the namespace's message-matching policies. */
export const checkMessage: Stage<Received & Matched, object> = ({ namespace, view, notes }, { metrics }) => {
  const { refusedBy, observed } = verdictOf(namespace.messageRules, view);
  const { code } = namespace.namespace;
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
