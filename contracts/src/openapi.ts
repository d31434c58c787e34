import { z } from 'zod';
import { sessionInfo } from './access-api.ts';
import { ledgerEntryDraft, ledgerEntryRow } from './account.ts';
import {
  ADMIN_API,
  accountDraft,
  accountRow,
  adminError,
  auditEntry,
  envelope,
  fallbackDraft,
  fallbackRow,
  gatewayRow,
  locationDraft,
  locationRow,
  matcherDraft,
  matcherRow,
  modelDraft,
  modelRow,
  namespaceDraft,
  namespaceLive,
  namespaceRow,
  policyDraft,
  policyRow,
  policyTestDraft,
  policyTestRow,
  portkeyConfigDraft,
  portkeyConfigRow,
  portkeyConfigVersion,
  priceDraft,
  priceRow,
  providerDraft,
  providerKeyDraft,
  providerKeyRow,
  providerRow,
  rateDraft,
  rateRow,
  redirectDraft,
  redirectRow,
  requestLogRow,
  revisionDiff,
  revisionRow,
  upstreamDraft,
  upstreamRow,
  userDraft,
  userRow,
  virtualKeyDraft,
  virtualKeyRow,
} from './admin-api.ts';
import type { AdminRoute } from './admin-route.ts';
import {
  administratorDraft,
  administratorKeyDraft,
  administratorKeyRow,
  administratorReplacement,
  administratorRow,
  sessionRow,
} from './administrator.ts';
import { explainAnswer } from './explain-api.ts';
import { lintFinding } from './lint.ts';
import { operatorSettings, operatorSettingsChange } from './operator-settings.ts';
import { policyTestCaseResult, policyTestResult } from './policy-test.ts';
import { ruleSetPlan } from './rule-set.ts';
import { scheduledRow, scheduledWrite } from './scheduled.ts';
import { simulation } from './simulate-api.ts';
import { usageReport, usageRow, usageSums } from './usage-api.ts';

/** Shapes that get a name in the document, so that generated types are readable. */
const NAMED = new Map<z.ZodType, string>([
  [namespaceRow, 'Namespace'],
  [namespaceDraft, 'NamespaceDraft'],
  [matcherRow, 'Matcher'],
  [matcherDraft, 'MatcherDraft'],
  [policyRow, 'Policy'],
  [policyDraft, 'PolicyDraft'],
  [policyTestRow, 'PolicyTest'],
  [policyTestDraft, 'PolicyTestDraft'],
  [policyTestResult, 'PolicyTestResult'],
  [policyTestCaseResult, 'PolicyTestCaseResult'],
  [providerRow, 'Provider'],
  [providerDraft, 'ProviderDraft'],
  [providerKeyRow, 'ProviderKey'],
  [providerKeyDraft, 'ProviderKeyDraft'],
  [upstreamRow, 'Upstream'],
  [upstreamDraft, 'UpstreamDraft'],
  [virtualKeyRow, 'VirtualKey'],
  [virtualKeyDraft, 'VirtualKeyDraft'],
  [modelRow, 'Model'],
  [modelDraft, 'ModelDraft'],
  [redirectRow, 'Redirect'],
  [redirectDraft, 'RedirectDraft'],
  [fallbackRow, 'Fallback'],
  [fallbackDraft, 'FallbackDraft'],
  [locationRow, 'Location'],
  [locationDraft, 'LocationDraft'],
  [portkeyConfigRow, 'PortkeyConfig'],
  [portkeyConfigDraft, 'PortkeyConfigDraft'],
  [portkeyConfigVersion, 'PortkeyConfigVersion'],
  [userRow, 'User'],
  [userDraft, 'UserDraft'],
  [priceRow, 'Price'],
  [priceDraft, 'PriceDraft'],
  [rateRow, 'Rate'],
  [rateDraft, 'RateDraft'],
  [accountRow, 'Account'],
  [accountDraft, 'AccountDraft'],
  [ledgerEntryRow, 'LedgerEntry'],
  [ledgerEntryDraft, 'LedgerEntryDraft'],
  [namespaceLive, 'NamespaceLive'],
  [gatewayRow, 'Gateway'],
  [revisionRow, 'Revision'],
  [revisionDiff, 'RevisionDiff'],
  [explainAnswer, 'Explanation'],
  [simulation, 'Simulation'],
  [scheduledRow, 'Scheduled'],
  [scheduledWrite, 'ScheduledWrite'],
  [ruleSetPlan, 'RuleSetPlan'],
  [lintFinding, 'LintFinding'],
  [sessionInfo, 'Session'],
  [sessionRow, 'SessionRow'],
  [administratorRow, 'Administrator'],
  [administratorDraft, 'AdministratorDraft'],
  [administratorReplacement, 'AdministratorReplacement'],
  [administratorKeyRow, 'AdministratorKey'],
  [administratorKeyDraft, 'AdministratorKeyDraft'],
  [requestLogRow, 'RequestLog'],
  [usageReport, 'Usage'],
  [usageRow, 'UsageRow'],
  [usageSums, 'UsageSums'],
  [operatorSettings, 'Settings'],
  [operatorSettingsChange, 'SettingsChange'],
  [auditEntry, 'AuditEntry'],
  [adminError, 'Failure'],
]);

type Json = Record<string, unknown>;

/** The control plane's OpenAPI 3.1 document, made from the same table that the server registers. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const [group, routes] of Object.entries(ADMIN_API)) {
    for (const [action, route] of Object.entries(routes as Record<string, AdminRoute>)) {
      const path = `/api/v2${route.path.replaceAll(/:(\w+)/g, '{$1}')}`;
      paths[path] = { ...paths[path], [route.method]: operation(`${group}_${action}`, route) };
    }
  }
  const schemas = Object.fromEntries(
    [...NAMED].map(([shape, name]) => [name, schemaOf(shape, /Draft$|Replacement$/.test(name) ? 'input' : 'output')]),
  );
  return {
    openapi: '3.1.0',
    info: { title: 'AI Gateway config center', version: '2' },
    paths,
    components: {
      schemas,
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'gw_session' },
        token: { type: 'http', scheme: 'bearer' },
      },
    },
    security: [{ session: [] }, { token: [] }],
  };
}

function operation(operationId: string, route: AdminRoute): Json {
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
  const pathParameters = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  return {
    operationId,
    summary: route.summary,
    tags: [route.tag],
    ...(route.access === 'public' ? { security: [] } : { 'x-roles': route.access }),
    parameters: [...pathParameters, ...queryParameters(route.query)],
    ...(route.body && {
      requestBody: { required: true, content: { 'application/json': { schema: referenceTo(route.body, 'input') } } },
    }),
    responses: {
      [String(route.status ?? 200)]: {
        description: 'Done',
        content: { 'application/json': { schema: enveloped(route.response) } },
      },
      default: {
        description: 'Refused or failed',
        content: { 'application/json': { schema: referenceTo(adminError, 'output') } },
      },
    },
  };
}

function queryParameters(query: z.ZodObject | undefined): Json[] {
  if (query === undefined) return [];
  return Object.entries(query.shape).map(([name, shape]) => ({
    name,
    in: 'query',
    required: false,
    schema: schemaOf(shape as z.ZodType, 'output'),
  }));
}

function enveloped(data: z.ZodType): Json {
  const { $schema: _, ...whole } = schemaOf(envelope(z.unknown()), 'output');
  return { ...whole, properties: { ...(whole.properties as Json), data: referenceTo(data, 'output') } };
}

/** A reference to a named shape, also inside the objects and arrays that hold it. */
function referenceTo(shape: z.ZodType, io: 'input' | 'output'): Json {
  const name = NAMED.get(shape);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  if (shape instanceof z.ZodArray) return { type: 'array', items: referenceTo(shape.element as z.ZodType, io) };
  if (shape instanceof z.ZodOptional) return referenceTo(shape.unwrap() as z.ZodType, io);
  if (!(shape instanceof z.ZodObject)) return schemaOf(shape, io);
  const schema = schemaOf(shape, io);
  const properties = Object.fromEntries(
    Object.entries(shape.shape).map(([key, value]) => [key, referenceTo(value as z.ZodType, io)]),
  );
  return { ...schema, properties };
}

function schemaOf(shape: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io, unrepresentable: 'any', reused: 'inline' }) as Json;
  return schema;
}
