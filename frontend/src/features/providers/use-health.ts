import { api, dataOf } from '../../api/client.ts';
import { LIVE_MS, useRead } from '../../api/queries.ts';

/** Whether gateways send an upstream traffic; each judges for itself. */
export interface UpstreamHealth {
  /** Gateways that have set it aside. */
  readonly aside: readonly string[];
  /** Gateways that report. */
  readonly gateways: number;
}

/** How upstreams do, as the gateways report it. */
export function useUpstreamHealth(): (upstreamId: string) => UpstreamHealth {
  const gateways = useRead(['gateways'], () => dataOf(api.GET('/api/v2/gateways')), 2 * LIVE_MS).data?.items ?? [];
  return (upstreamId) => ({
    aside: gateways
      .filter(({ asideUpstreams }) => asideUpstreams.includes(upstreamId))
      .map(({ gatewayId }) => gatewayId),
    gateways: gateways.length,
  });
}
