import { api, dataOf, type Schemas } from './client.ts';
import { useChange } from './queries.ts';

/** Writes that are made later, together. */
export interface ScheduledDraft {
  /** As a field for date and time has it: `2026-05-01T12:00`, on the clock of the browser. */
  readonly effectiveFrom: string;
  readonly writes: Schemas['ScheduledWrite'][];
}

/** Schedules writes for a time instead of making them now. */
export function useSchedule() {
  return useChange(
    'scheduled',
    ({ effectiveFrom, writes }: ScheduledDraft) =>
      dataOf(api.POST('/api/v2/scheduled', { body: { effectiveFrom: new Date(effectiveFrom).toISOString(), writes } })),
    'done.scheduled',
  );
}
