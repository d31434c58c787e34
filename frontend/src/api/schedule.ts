import { api, dataOf, type Schemas } from './client.ts';
import { useChange } from './queries.ts';

/** Writes that are made later, together. */
export interface ScheduledDraft {
  readonly effectiveFrom: string;
  readonly writes: Schemas['ScheduledWrite'][];
}

/** Schedules writes for a time instead of making them now. */
export function useSchedule() {
  return useChange(
    'scheduled',
    (body: ScheduledDraft) => dataOf(api.POST('/api/v2/scheduled', { body })),
    'done.scheduled',
  );
}
