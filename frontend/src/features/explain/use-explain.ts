import { useMutation } from '@tanstack/react-query';
import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useAnswer } from '../../api/queries.ts';
import type { AskedRequest } from './request-text.ts';

export type Explanation = Schemas['Explanation'];

/** Asks how a request would be decided now. */
export function useExplain() {
  return useMutation({
    mutationFn: (request: AskedRequest) => dataOf(api.POST('/api/v2/explain', { body: { request } })),
  });
}

/** How a request of the log would be decided now. */
export function useExplainedRecord(requestId: string) {
  return useAnswer(['explain', requestId], (signal) =>
    dataOf(api.POST('/api/v2/explain', { body: { requestId }, signal })),
  );
}
