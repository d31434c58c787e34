import { ADMIN_API, snapshotShape } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { lint } from '../domain/lint/lint.ts';
import type { LiveRates } from '../domain/live-rates.ts';
import { askLimits } from '../publish/gateway-limits.ts';
import type { Publisher } from '../publish/publisher.ts';
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
  handle(app, ADMIN_API.lint.list, authorize, () => ({
    findings: lint(snapshotShape.parse(JSON.parse(publisher.current().body))),
  }));
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
