import { keepPreviousData, QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { App } from 'antd';
import { useShowWarnings } from '../show-warnings.tsx';
import { useTexts } from '../texts/texts.tsx';
import { ApiFailure } from './client.ts';

/** Refusals are final; only a lost connection is tried again. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (count, error) => !(error instanceof ApiFailure && error.status > 0) && count < 2,
      staleTime: 1_000,
      placeholderData: keepPreviousData,
    },
  },
});

/** How often live numbers are asked for, ms. Hidden tabs do not ask. */
export const LIVE_MS = 1_000;

/** Reads a part of the API under a key whose first word names the resource. */
export function useRead<T>(key: readonly unknown[], read: () => Promise<T>, refetchMs?: number) {
  return useQuery({ queryKey: key, queryFn: read, ...(refetchMs !== undefined && { refetchInterval: refetchMs }) });
}

/** How often something is asked for again that was not there, ms. */
const AWAY_MS = 5_000;

/**
 * Reads what follows from input that changes as one types. Outdated questions are cancelled and outdated answers
 * forgotten; the last answer stays until the next one is there.
 */
export function useAnswer<T>(key: readonly unknown[], read: (signal: AbortSignal) => Promise<T>) {
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => read(signal),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: ({ state: { error } }) => (isAway(error) ? AWAY_MS : false),
  });
}

function isAway(error: Error | null): boolean {
  return error instanceof ApiFailure && (error.status === 0 || error.status >= 500);
}

/** Changes a resource, then reads again all that shows it, and says that it is done and what lint warns of. */
export function useChange<Input>(
  resource: string,
  change: (input: Input) => Promise<unknown>,
  done: 'done.saved' | 'done.deleted' | 'done.scheduled',
) {
  const client = useQueryClient();
  const { message } = App.useApp();
  const { t } = useTexts();
  const showWarnings = useShowWarnings();
  return useMutation({
    mutationFn: change,
    onSuccess: async (answer) => {
      void message.success(t(done));
      showWarnings(answer);
      await client.invalidateQueries({ queryKey: [resource] });
    },
  });
}
