import type { Snapshot } from '@ai-gateway/contracts';
import { layeredLimitName } from '@ai-gateway/limits';
import { type CompiledConfig, compileSnapshot } from '../domain/compile-snapshot.ts';

/** Draft rules made ready for tests, and what people know their policies by. */
export interface TestedRules {
  readonly config: CompiledConfig;
  /** By id of a policy or of a layered limit. */
  readonly policyNames: ReadonlyMap<string, string>;
}

/**
 * Compiles draft rules. Nobody waits in line in a test: what would have to is refused, so that a decision does not
 * depend on what comes after it.
 * @throws Error naming the rule that does not compile
 */
export function compileTested(rules: Snapshot): TestedRules {
  const namespaces = rules.namespaces.map((namespace) => ({ ...namespace, maxWaitMs: 0 }));
  const policies = rules.policies.map(({ id, name }) => [id, name] as const);
  const layered = rules.layeredLimits.map((row) => [row.id, layeredLimitName(row)] as const);
  return {
    config: compileSnapshot({ ...rules, namespaces }),
    policyNames: new Map([...policies, ...layered]),
  };
}
