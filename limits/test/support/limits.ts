import { policyShape } from '@ai-gateway/contracts';
import { type Limit, planPolicies } from '../../src/plan.ts';
import type { ReserveRequest } from '../../src/reserve.ts';

/** Limits of one policy per rule; their ids are `p0`, `p1`, … */
export function limitsOf(rules: readonly object[], fields: object = {}, isQueued = false): readonly Limit[] {
  const policies = rules.map((rule, index) =>
    policyShape.parse({ id: `p${index}`, namespaceId: 'n', name: `policy ${index}`, rule, ...fields }),
  );
  return planPolicies(policies, isQueued).map(({ limit }) => limit);
}

/** A request for 18 input and 50 output tokens, unless told otherwise. */
export function request(reservationId: string, fields: Partial<ReserveRequest> = {}): ReserveRequest {
  return {
    reservationId,
    about: { requestId: `req-${reservationId}`, gatewayId: 'g', namespaceId: 'n' },
    inputTokens: 18,
    outputTokens: 50,
    leaseMs: 30_000,
    ...fields,
  };
}
