import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange } from '../../api/queries.ts';

export type RuleSetPlan = Schemas['RuleSetPlan'];

/** A file as it is sent. */
export interface RuleFile {
  readonly file: string;
  readonly prune: boolean;
}

/** All rules as the text of one file. */
export async function exportedRules(format: 'yaml' | 'json'): Promise<string> {
  if (format === 'json') return `${JSON.stringify((await dataOf(api.GET('/api/v2/rule-set'))).file, undefined, 2)}\n`;
  // YAML comes without an envelope.
  return dataOf(
    api
      .GET('/api/v2/rule-set', { params: { query: { format } }, parseAs: 'text' })
      .then(({ data, error, response }) => ({ response, ...(data === undefined ? { error } : { data: { data } }) })),
  );
}

/** What a file would change. */
export const compareRules = (body: RuleFile) => dataOf(api.POST('/api/v2/rule-set/diff', { body }));

/** Makes the rules as a file says, if they are still at the revision that it was compared with. */
export function useApplyRules() {
  return useChange(
    'revisions',
    (body: RuleFile & { readonly expectedRevision: number }) =>
      dataOf(api.POST('/api/v2/rule-set/apply', { body: { ...body, dryRun: false } })),
    'done.saved',
  );
}
