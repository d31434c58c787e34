import { LIMITS_PATH, type LimitsView, limitsReport } from '@ai-gateway/contracts';
import { type AskedGateway, askGateway } from './ask-gateway.ts';

const TIMEOUT_MS = 1_500;

/**
 * Counters of a namespace, asked of the gateways that decide by them. One that shares its store answers for all;
 * gateways that count alone are asked each.
 */
export async function askLimits(
  gateways: readonly AskedGateway[],
  namespaceId: string,
  gatewayToken: string,
): Promise<LimitsView> {
  const missing: string[] = [];
  const alone: LimitsView['reports'] = [];
  for (const gateway of gateways) {
    const report = await ask(gateway, namespaceId, gatewayToken);
    if (report === 'unknown') continue;
    if (report === 'silent') {
      missing.push(gateway.gatewayId);
      continue;
    }
    if (report.store === 'shared') return { reports: [report], missing };
    alone.push(report);
  }
  return { reports: alone, missing };
}

/** `unknown`: the gateway does not have the namespace yet. `silent`: it does not answer. */
async function ask(gateway: AskedGateway, namespaceId: string, gatewayToken: string) {
  const path = `${LIMITS_PATH}?namespaceId=${encodeURIComponent(namespaceId)}`;
  try {
    const { status, body } = await askGateway(gateway, {
      path,
      gatewayToken,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (status === 404) return 'unknown';
    const report = limitsReport.safeParse(body);
    return report.success ? { ...report.data, gatewayId: gateway.gatewayId } : 'silent';
  } catch {
    return 'silent';
  }
}
