import { compileCondition, type PolicyTest, type PolicyTestCase, type RequestView } from '@ai-gateway/contracts';
import type { SnapshotContent } from './build-snapshot.ts';

/**
 * The part of the rules that can decide the cases of tests: no matcher that none of their requests meets, no namespace
 * that no matcher is left for, no virtual key that none of them names, and no secret. The cases are decided by it as by
 * the whole, so a change that leaves it as it is changes no result, and a gateway need not take all the rules.
 */
export function testedRules(rules: SnapshotContent, tests: readonly PolicyTest[]): SnapshotContent {
  const cases = tests.flatMap((test) => test.cases);
  const views = cases.flatMap(viewsOf);
  const matchers = rules.matchers.filter((matcher) => matcher.isEnabled && views.some(compileCondition(matcher)));
  const namespaceIds = new Set(matchers.map(({ namespaceId }) => namespaceId));
  const keys = new Set(cases.map(({ virtualKeyId }) => virtualKeyId));
  return {
    ...rules,
    matchers,
    namespaces: rules.namespaces.filter(({ id }) => namespaceIds.has(id)),
    policies: rules.policies.filter(({ namespaceId }) => namespaceId === undefined || namespaceIds.has(namespaceId)),
    // Whether a gateway can open or find a secret is no matter of the rules.
    providers: rules.providers.map(({ apiKeyEnv: _, ...provider }) => provider),
    providerKeys: [],
    virtualKeys: rules.virtualKeys.filter(({ id, prefix }) => keys.has(id) || keys.has(prefix)),
  };
}

/** A request as matchers may come to see it: with its body, or passed through without. */
function viewsOf({ request }: PolicyTestCase): readonly RequestView[] {
  const [path = '', search = ''] = request.path.split(/\?(.*)/s);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value] as const),
  );
  const query = new URLSearchParams([...new URLSearchParams(search), ...Object.entries(request.query)]);
  const view = { headers, query, path };
  return [
    { ...view, body: request.body },
    { ...view, body: undefined },
  ];
}

/** Tests whose results a change of the rules may change. The rules are looked through once, however many tests there are. */
export function concernedTests(
  tests: readonly PolicyTest[],
  { before, after }: { readonly before: SnapshotContent; readonly after: SnapshotContent },
): readonly PolicyTest[] {
  const [old, draft] = [testedRules(before, tests), testedRules(after, tests)];
  return tests.filter(
    (test) => JSON.stringify(testedRules(old, [test])) !== JSON.stringify(testedRules(draft, [test])),
  );
}
