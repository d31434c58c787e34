import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useAnswer } from '../../api/queries.ts';
import type { PolicyDraft } from './use-namespace.ts';

export type Simulation = Schemas['Simulation'];

/** What is to be simulated: a new policy, or with an `id` a policy in the place of the one that it would replace. */
export interface SimulatedPolicy {
  readonly id: string | undefined;
  readonly draft: PolicyDraft;
}

const HOUR_MS = 3_600_000;

/** Ranges that end now, ms. */
export const RANGES_MS = { hour: HOUR_MS, day: 24 * HOUR_MS } as const;

export type Range = keyof typeof RANGES_MS;

/** What a policy would have done to the requests of a namespace. */
export function useSimulation(namespaceId: string, { id, draft }: SimulatedPolicy, range: Range) {
  const policy = { ...draft, namespaceId, ...(id !== undefined && { id }) };
  return useAnswer(['simulate', policy, range], (signal) => {
    const nowMs = Date.now();
    const from = new Date(nowMs - RANGES_MS[range]).toISOString();
    const to = new Date(nowMs).toISOString();
    return dataOf(api.POST('/api/v2/simulate', { body: { namespaceId, policies: [policy], from, to }, signal }));
  });
}
