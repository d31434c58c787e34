import { ADMIN_API, type LintFinding } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import type { LiveRates } from '../domain/live-rates.ts';
import { askLimits } from '../publish/gateway-limits.ts';
import type { Publisher } from '../publish/publisher.ts';
import { runTask } from '../rule-work/run.ts';
import { handle } from './handle.ts';

export interface LiveOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly live: LiveRates;
  readonly gatewayToken: string;
  readonly authorize: RequestHandler;
  readonly nowMs: () => number;
}

/** How it goes now: traffic, counters, gateways, and what is doubtful about the rules in force. */
export function liveRoutes(app: Express, options: LiveOptions): void {
  const { store, publisher, live, gatewayToken, authorize, nowMs } = options;
  const findings = findingsOf(publisher);
  handle(app, ADMIN_API.lint.list, authorize, async () => ({ findings: [...(await findings())] }));
  handle(app, ADMIN_API.live.namespaces, authorize, () => ({ items: [...live.namespaces(nowMs())] }));
  handle(app, ADMIN_API.live.limits, authorize, async ({ query }) => {
    const byCode = { page: 1, size: 1, where: { code: query.namespace } };
    const found = (await store.read('namespace', query.namespace)) ?? (await store.list('namespace', byCode)).items[0];
    if (found === undefined) throw new Refusal(404, 'There is no such namespace.');
    return askLimits(live.addresses(nowMs()), found.id, gatewayToken);
  });
  handle(app, ADMIN_API.live.gateways, authorize, () => ({
    items: [...live.gateways(publisher.current(), nowMs())],
    revision: publisher.current().revision,
    refusedRows: [...publisher.refusedRows()],
  }));
}

/** What is doubtful about the rules in force; looked for once for each revision, however many ask. */
function findingsOf(publisher: Publisher): () => Promise<readonly LintFinding[]> {
  let known: { readonly sha256: string; readonly findings: Promise<readonly LintFinding[]> } | undefined;
  return () => {
    const current = publisher.current();
    if (known?.sha256 === current.sha256) return known.findings;
    const findings = runTask('lint', current.body, current.sizeBytes);
    known = { sha256: current.sha256, findings };
    // Whoever asks next tries again.
    findings.catch(() => {
      known = undefined;
    });
    return findings;
  };
}
