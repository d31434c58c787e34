import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import { audited } from '../db/audited.ts';
import type { Store } from '../db/store.ts';
import type { RuleRow } from '../domain/diff-rules.ts';
import type { Publisher } from '../publish/publisher.ts';
import { diffRevisions, listRevisions, readRevision, rulesOf } from '../publish/revisions.ts';
import { rollBack } from '../publish/roll-back.ts';
import { handle } from './handle.ts';
import { policyTestsFor } from './tested-call.ts';

export interface RevisionOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly authorize: RequestHandler;
  readonly now: () => string;
}

/** Registers the history of the rules: what each revision held, what differs between two, and the way back. */
export function revisionRoutes(app: Express, { store, publisher, authorize, now }: RevisionOptions): void {
  handle(app, ADMIN_API.revisions.list, authorize, ({ query }) => listRevisions(store, query));
  handle(app, ADMIN_API.revisions.read, authorize, async ({ params }) => {
    const revision = await readRevision(store, params.revision);
    const kinds = Object.entries(rulesOf(revision)).map(([kind, rows = []]): [string, RuleRow[]] => [kind, [...rows]]);
    const { rules: _, ...row } = revision;
    return { ...row, content: Object.fromEntries(kinds) };
  });
  handle(app, ADMIN_API.revisions.diff, authorize, async ({ params }) => {
    const [before, after] = [await readRevision(store, params.before), await readRevision(store, params.after)];
    return diffRevisions(before, after);
  });
  handle(app, ADMIN_API.revisions.rollBack, authorize, async ({ params, query, response }) => {
    const revision = await readRevision(store, params.revision);
    const { administrator } = sessionFor(response);
    await publisher.change(
      (resources) => rollBack(revision, audited(resources, administrator, now()), now()),
      administrator,
      policyTestsFor({ query, response }),
    );
    return { revision: publisher.current().revision };
  });
}
