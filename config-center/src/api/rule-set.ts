import { ADMIN_API } from '@ai-gateway/contracts';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { permit, sessionFor } from '../auth/authorize.ts';
import { audited } from '../db/audited.ts';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { exportRuleSet, yamlOf } from '../domain/rule-set/export.ts';
import { planFile, readRuleRows, writePlan } from '../publish/apply-rule-set.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { FilePlan } from '../rule-work/tasks.ts';
import { handle } from './handle.ts';
import { policyTestsFor } from './tested-call.ts';

const PATH = '/api/v2/rule-set';

/** Files hold all rules, so they may be larger than other bodies. */
const MAX_FILE = '32mb';

export interface RuleSetOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly authorize: RequestHandler;
  readonly now: () => string;
}

/** Registers the rules as one file: export, comparison, and applying it. Stands before the parser of smaller bodies. */
export function ruleSetRoutes(app: Express, { store, publisher, authorize, now }: RuleSetOptions): void {
  const { ruleSet } = ADMIN_API;
  app.use(PATH, authorize, express.json({ limit: MAX_FILE }));

  app.get(PATH, permit(ruleSet.export.access), async (request, response, next) => {
    if (!wantsYaml(request)) {
      next();
      return;
    }
    const text = yamlOf(exportRuleSet(await readRuleRows(store)));
    response.attachment('rules.yaml').type('application/yaml').send(text);
  });
  handle(app, ruleSet.export, authorize, async () => ({
    revision: await store.newestRevision(),
    file: exportRuleSet(await readRuleRows(store)),
  }));
  handle(app, ruleSet.diff, authorize, async ({ body }) => {
    const plan = await planFile(body, store);
    return { revision: await store.newestRevision(), isApplied: false, ...shown(plan) };
  });
  handle(app, ruleSet.apply, authorize, async ({ body, ...call }) => {
    const { administrator } = sessionFor(call.response);
    if (body.dryRun) {
      await refuseMoved(store, body.expectedRevision);
      const plan = await planFile(body, store);
      return { revision: await store.newestRevision(), isApplied: false, ...shown(plan) };
    }
    const applied = await publisher.change(
      async (resources) => {
        await refuseMoved(resources, body.expectedRevision);
        const plan = await planFile(body, resources);
        await writePlan(plan, audited(resources, administrator, now()), now());
        return plan;
      },
      administrator,
      policyTestsFor(call),
    );
    return { revision: await store.newestRevision(), isApplied: true, ...shown(applied) };
  });
}

function shown({ changes, findings }: FilePlan) {
  return { changes: [...changes], findings: [...findings] };
}

/** @throws Refusal 409 when the rules are not at the revision that the caller has seen */
async function refuseMoved(
  resources: Pick<Store, 'newestRevision'>,
  expectedRevision: number | undefined,
): Promise<void> {
  if (expectedRevision === undefined) return;
  const revision = await resources.newestRevision();
  if (revision === expectedRevision) return;
  const message = `The rules are at revision ${revision}, not ${expectedRevision}.`;
  throw new Refusal(409, message, [{ path: 'expectedRevision', message }]);
}

function wantsYaml({ query, headers }: Request): boolean {
  if (query.format !== undefined) return query.format === 'yaml';
  return /\byaml\b/.test(headers.accept ?? '');
}
