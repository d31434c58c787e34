import { useMutation } from '@tanstack/react-query';
import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type PolicyTest = Schemas['PolicyTest'];
export type PolicyTestCaseResult = Schemas['PolicyTestCaseResult'];
type PolicyTestDraft = Schemas['PolicyTestDraft'];

/** Policy tests, a hundred at most on the page, and what runs those that are enabled. */
export function usePolicyTests() {
  return {
    list: useRead(['policy-tests'], () =>
      dataOf(api.GET('/api/v2/policy-tests', { params: { query: { size: 100 } } })),
    ),
    save: useChange(
      'policy-tests',
      ({ id, body }: { id: string | undefined; body: PolicyTestDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/policy-tests', { body }))
          : dataOf(api.PUT('/api/v2/policy-tests/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'policy-tests',
      (id: string) => dataOf(api.DELETE('/api/v2/policy-tests/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
    run: useMutation({ mutationFn: () => dataOf(api.POST('/api/v2/policy-tests/run', { body: {} })) }),
  };
}
