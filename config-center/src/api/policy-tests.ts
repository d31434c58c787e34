import { ADMIN_API, type Snapshot } from '@ai-gateway/contracts';
import type { Express } from 'express';
import type { Store } from '../db/store.ts';
import { type SnapshotContent, withoutStamps } from '../domain/build-snapshot.ts';
import { Refusal } from '../domain/faults.ts';
import type { AskedGateway } from '../publish/ask-gateway.ts';
import { enabledTests, runPolicyTests } from '../publish/policy-tests.ts';
import { handle, handleCrud } from './handle.ts';
import { policyTests } from './kinds.ts';
import { operations, type ResourceOptions } from './resources.ts';

/** Nothing waits for a run on the rules in force but who asks for it. */
const PATIENCE = { each: 10_000, all: 30_000 };

export interface PolicyTestRouteOptions extends ResourceOptions {
  readonly gateways: () => readonly AskedGateway[];
  readonly gatewayToken: string;
}

/** Registers the policy tests, and what runs them on the rules in force. */
export function policyTestRoutes(app: Express, options: PolicyTestRouteOptions): void {
  const { store, publisher, authorize, gateways, gatewayToken } = options;
  handleCrud(app, ADMIN_API.policyTests, authorize, operations(policyTests, options));
  handle(app, ADMIN_API.policyTests.run, authorize, async ({ body: { testIds } }) => {
    const tests = testIds === undefined ? await enabledTests(store) : await testsOf(testIds, store);
    // Written by the publisher from checked rows.
    const { epoch: _, revision, createdAt: __, ...rules } = JSON.parse(publisher.current().body) as Snapshot;
    if (tests.length === 0) return { revision, results: [] };
    const content: SnapshotContent = rules;
    const answer = await runPolicyTests(content, tests, { gateways, gatewayToken, patience: PATIENCE });
    if (answer.kind === 'not run') throw new Refusal(503, `The policy tests were not run. ${answer.reason}`);
    return { revision, results: [...answer.results] };
  });
}

/** @throws Refusal 400 that names the id that no test has */
function testsOf(ids: readonly string[], store: Store) {
  return Promise.all(
    [...new Set(ids)].map(async (id, index) => {
      const row = await store.read('policy_test', id);
      if (row !== undefined) return withoutStamps(row);
      const message = `There is no policy test "${id}".`;
      throw new Refusal(400, message, [{ path: `testIds.${index}`, message }]);
    }),
  );
}
