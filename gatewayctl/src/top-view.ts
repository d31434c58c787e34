import type { limitsReport, namespaceLive } from '@ai-gateway/contracts';
import type { z } from 'zod';
import { plain, tableOf } from './output.ts';

/** What `top` shows at one moment. */
export interface TopView {
  readonly at: string;
  readonly namespaces: readonly (z.infer<typeof namespaceLive> & { readonly code: string })[];
  /** Index of the namespace whose limits and streams are shown. */
  readonly selected: number;
  readonly reports: readonly (z.infer<typeof limitsReport> & { readonly gatewayId: string })[];
  readonly missing: readonly string[];
}

const BAR_CELLS = 20;

/** The lines of the screen: namespaces, limits of the selected one as bars, and its running requests. */
export function topLines({ at, namespaces, selected, reports, missing }: TopView): readonly string[] {
  const rows = namespaces.map((live, index) => ({
    ' ': index === selected ? '>' : ' ',
    namespace: live.code,
    'requests/s': rounded(live.requestsPerSecond),
    'refused/s': rounded(live.refusedPerSecond),
    'input tokens/s': rounded(live.inputTokensPerSecond),
    'output tokens/s': rounded(live.outputTokensPerSecond),
    running: live.inFlight,
  }));
  const limits = reports.flatMap((report) =>
    report.limits.map((limit) => ({
      limit: limit.policyName,
      for: limit.countedFor,
      used: bar(limit.current, limit.limit),
      now: `${limit.current}/${limit.limit} ${limit.counts}`,
      gateway: report.store === 'shared' ? 'all' : report.gatewayId,
    })),
  );
  const running = reports.flatMap(({ inFlight }) =>
    inFlight.map(({ requestId, model, virtualKeyId, outputTokensSoFar, gatewayId, admittedAt }) => ({
      request: requestId,
      model,
      key: virtualKeyId,
      'output tokens': outputTokensSoFar,
      since: admittedAt,
      gateway: gatewayId,
    })),
  );
  const away = missing.length === 0 ? [] : [`gateways that do not answer: ${plain(missing.join(', '))}`];
  const of = namespaces[selected]?.code;
  if (of === undefined) return [`gatewayctl top  ${at}`, '', 'No namespace has traffic.'];
  return [
    `gatewayctl top  ${at}`,
    '',
    ...tableOf(rows).trimEnd().split('\n'),
    '',
    `LIMITS OF ${of}`,
    ...tableOf(limits).trimEnd().split('\n'),
    '',
    `RUNNING IN ${of}`,
    ...tableOf(running).trimEnd().split('\n'),
    ...away,
  ];
}

function rounded(rate: number): string {
  return rate.toFixed(1);
}

function bar(used: number, limit: number): string {
  const full = limit <= 0 ? BAR_CELLS : Math.min(BAR_CELLS, Math.ceil((used / limit) * BAR_CELLS));
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_CELLS - full)}]`;
}
