import type { PolicyTest, PolicyTestResult } from '@ai-gateway/contracts';
import type { Resources } from '../db/store.ts';
import { type SnapshotContent, withoutStamps } from '../domain/build-snapshot.ts';
import { type Fault, Refusal } from '../domain/faults.ts';
import { concernedTests, testedRules } from '../domain/tested-rules.ts';
import type { AskedGateway } from './ask-gateway.ts';
import { askPolicyTests, type Patience, type TestsRun } from './gateway-policy-tests.ts';
import type { Turn } from './held-rules.ts';
import type { Guard, RuleChange } from './publisher.ts';

/** Other changes wait for one that is being tested. */
const BEFORE_PUBLISHING: Patience = { each: 2_500, all: 5_000 };

/** Faults that a refusal lists. */
const LISTED_FAULTS = 50;

export interface PolicyTestOptions {
  readonly gateways: () => readonly AskedGateway[];
  readonly gatewayToken: string;
}

/** Runs tests on some rules. What is asked of a gateway is not in force, so it has no epoch and no revision. */
export function runPolicyTests(
  rules: SnapshotContent,
  tests: readonly PolicyTest[],
  { gateways, gatewayToken, patience }: PolicyTestOptions & { readonly patience: Patience },
): Promise<TestsRun> {
  const head = { epoch: 'draft', revision: 0, createdAt: new Date(0).toISOString() };
  const question = { rules: { ...head, ...testedRules(rules, tests) }, tests: [...tests] };
  return askPolicyTests(gateways(), question, { gatewayToken, patience });
}

/**
 * Lets a change of the rules pass when the enabled tests that it may concern do. Without a gateway to run them it passes
 * too, because rules must stay changeable; the audit log tells of that, and of tests that were ignored.
 */
export function policyTestGuard(options: PolicyTestOptions): Guard {
  return async (change, turn) => {
    const enabled = await enabledTests(turn.resources);
    const tests = enabled.length === 0 ? [] : concernedTests(enabled, change);
    if (tests.length === 0) return;
    if (change.tests === 'ignore') {
      await tell(change, turn, { policyTests: 'ignored' });
      return;
    }
    const run = await runPolicyTests(change.after, tests, { ...options, patience: BEFORE_PUBLISHING });
    if (run.kind === 'not run') {
      await tell(change, turn, { policyTests: 'not run', reason: run.reason });
      return;
    }
    const faults = faultsOf(run.results, tests);
    if (faults.length > 0) throw new Refusal(409, 'Policy tests fail.', faults);
  };
}

/** Tests in the order of their names. */
export async function enabledTests(resources: Resources): Promise<readonly PolicyTest[]> {
  const rows = await resources.all('policy_test', { isEnabled: 1 });
  return rows.map(withoutStamps).sort((left, right) => left.name.localeCompare(right.name));
}

/** An entry of the audit log about the revision that is made without its tests. */
function tell({ revision }: RuleChange, { resources, at, actor }: Turn, after: Record<string, unknown>): Promise<void> {
  return resources.record({ at, actor, action: 'create', kind: 'revision', rowId: String(revision), after });
}

function faultsOf(results: readonly PolicyTestResult[], tests: readonly PolicyTest[]): readonly Fault[] {
  const expected = new Map(tests.map(({ id, cases }) => [id, cases]));
  const faults = results.flatMap(({ testId, name, cases }) =>
    cases.flatMap((result, index): readonly Fault[] => {
      if (result.isPassed) return [];
      const wanted = expected.get(testId)?.[index]?.expect;
      const { decision, code, policies, namespace, message } = result;
      const got = { decision, code, policies: policies.map((policy) => policy.name), namespace };
      const reason = message === undefined ? '' : ` ${message}`;
      return [
        {
          path: `policyTests.${name}.${result.name}`,
          message: `expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}.${reason}`,
        },
      ];
    }),
  );
  if (faults.length <= LISTED_FAULTS) return faults;
  const left = faults.length - LISTED_FAULTS;
  return [...faults.slice(0, LISTED_FAULTS), { path: 'policyTests', message: `${left} more cases fail.` }];
}
