import { z } from 'zod';
import { administratorKeyRoutes, administratorRoutes, sessionRoutes, sessionsRoutes } from './access-api.ts';
import { accountShape, ledgerEntryDraft, ledgerEntryRow } from './account.ts';
import {
  type Access,
  type AdminRoute,
  EVERYONE,
  READERS,
  SUPERADMINS,
  TENANT_WRITERS,
  WRITERS,
} from './admin-route.ts';
import { explainAnswer, explainedRequest } from './explain-api.ts';
import { unusableKey } from './gateway-api.ts';
import { layeredControlDraft, layeredLimitShape } from './layered-limit.ts';
import { limitsReport } from './limits-api.ts';
import { lintFinding } from './lint.ts';
import { locationShape } from './location.ts';
import { modelShape, redirectShape } from './model.ts';
import { matcherShape, namespaceShape } from './namespace.ts';
import { operatorSettingsRoutes } from './operator-settings.ts';
import { customerTypeShape, tenantShape } from './payer.ts';
import { policyRuleDraft, policyScope, policyShape } from './policy.ts';
import { MAX_POLICY_TESTS, policyTestResult, policyTestShape } from './policy-test.ts';
import { portkeyConfigShape } from './portkey-config.ts';
import { priceShape, rateShape } from './price.ts';
import { providerShape, upstreamShape } from './provider.ts';
import { masterKeyId, providerKeyShape, providerSecret } from './provider-key.ts';
import { requestRecordShape } from './request-log.ts';
import { fallbackShape } from './routing.ts';
import { ruleSetApplyRequest, ruleSetDiffRequest, ruleSetPlan, ruleSetShape } from './rule-set.ts';
import { scheduledDraft, scheduledRow } from './scheduled.ts';
import { simulation } from './simulate-api.ts';
import { modelsResponse, tokenizeRequest, tokenizeResponse } from './token-api.ts';
import { outcomeKind } from './usage.ts';
import { usageRoutes } from './usage-api.ts';
import { userShape, userStatus } from './user.ts';
import { virtualKeyShape } from './virtual-key.ts';

/** Every answer of the control plane; `code` repeats the HTTP status. */
export const envelope = <T extends z.ZodType>(data: T) =>
  z.object({ code: z.number().int(), message: z.string(), data, timestamp: z.iso.datetime() });

/** A failed call. Drafts get all faults at once; `path` is the JSON path of the field. */
export const adminError = z.object({
  code: z.number().int(),
  message: z.string(),
  data: z.object({
    errors: z.array(z.object({ path: z.string(), message: z.string() })),
    /** The row as it is now, when an update named an older version. */
    current: z.record(z.string(), z.unknown()).optional(),
    /** What still names a row that was to be deleted. */
    users: z.array(z.object({ kind: z.string(), id: z.string(), name: z.string() })).optional(),
  }),
  timestamp: z.iso.datetime(),
});

const stamps = { version: z.number().int(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime() };
export const namespaceRow = namespaceShape.extend(stamps);
export const matcherRow = matcherShape.extend(stamps);
export const policyRow = policyShape.extend(stamps);
export const providerRow = providerShape.extend(stamps);
export const upstreamRow = upstreamShape.extend(stamps);
export const providerKeyRow = providerKeyShape.omit({ sealed: true }).extend(stamps);
export const customerTypeRow = customerTypeShape.extend(stamps);
export const tenantRow = tenantShape.extend(stamps);
export const priceRow = priceShape.extend(stamps);
export const rateRow = rateShape.extend(stamps);
export const layeredLimitRow = layeredLimitShape.extend(stamps);
export const virtualKeyRow = virtualKeyShape.omit({ secretHash: true, previousSecretHash: true }).extend(stamps);
export const fallbackRow = fallbackShape.extend(stamps);
export const modelRow = modelShape.extend(stamps);
export const redirectRow = redirectShape.extend(stamps);
export const locationRow = locationShape.extend(stamps);
export const userRow = userShape.extend(stamps);
export const portkeyConfigRow = portkeyConfigShape.extend(stamps);
/** With its balance, which only ledger entries change. */
export const accountRow = accountShape.extend(stamps).extend({ balance: z.string() });
export const policyTestRow = policyTestShape.extend(stamps);

export const namespaceDraft = namespaceShape.omit({ id: true }).strict();
export const matcherDraft = matcherShape.omit({ id: true }).strict();
export const policyDraft = policyShape
  .omit({ id: true })
  .extend({ rule: policyRuleDraft, scope: policyScope.strict().default({}) })
  .strict();
export const providerDraft = providerShape.omit({ id: true }).strict();
export const upstreamDraft = upstreamShape.omit({ id: true }).strict();
/** The secret is given when a key is made, and when it is rotated. */
export const providerKeyDraft = providerKeyShape.omit({ id: true, lastFour: true, sealed: true }).strict();
export const customerTypeDraft = customerTypeShape.omit({ id: true }).strict();
export const tenantDraft = tenantShape.omit({ id: true }).strict();
export const priceDraft = priceShape.omit({ id: true }).strict();
export const rateDraft = rateShape.omit({ id: true }).strict();
export const layeredLimitDraft = layeredLimitShape.omit({ id: true }).extend({ limit: layeredControlDraft }).strict();
export const fallbackDraft = fallbackShape.omit({ id: true }).strict();
export const portkeyConfigDraft = portkeyConfigShape.omit({ id: true }).strict();
export const policyTestDraft = policyTestShape.omit({ id: true }).strict();
export const virtualKeyDraft = virtualKeyShape
  .omit({
    id: true,
    prefix: true,
    secretHash: true,
    previousSecretHash: true,
    previousUntil: true,
    statusReason: true,
  })
  .strict();
export const modelDraft = modelShape.omit({ id: true }).strict();
export const redirectDraft = redirectShape.omit({ id: true }).strict();
export const locationDraft = locationShape.omit({ id: true }).strict();
export const userDraft = userShape.omit({ id: true, status: true, statusReason: true }).strict();

export const accountDraft = accountShape.omit({ id: true, standing: true }).strict();

interface Versioned {
  readonly version?: number | undefined;
}

type Replacement<D extends z.ZodType> = z.ZodType<z.output<D> & Versioned, z.input<D> & Versioned>;

/** A replacement. One that names the version it was made from is refused when somebody else was faster. */
function replacementOf<D extends z.ZodObject>(draft: D): Replacement<D> {
  // `extend` loses the fields of a shape that is not known yet.
  return draft.extend({ version: z.number().int().min(1).optional() }) as unknown as Replacement<D>;
}

type Saved<R extends z.ZodType> = z.ZodType<z.output<R> & z.output<typeof warned>, z.input<R> & z.input<typeof warned>>;

/** The answer to a change of a row. */
function saved<R extends z.ZodObject>(row: R): Saved<R> {
  // `extend` loses the fields of a shape that is not known yet.
  return row.extend(warned.shape) as unknown as Saved<R>;
}

/** One change of one row: who, when, what. Values of secrets are left out. */
export const auditEntry = z.object({
  id: z.number().int(),
  at: z.iso.datetime(),
  /** Name of an administrator; `automation` for the token, `seed` for a start, `sql` for a row edited by hand, `billing` for what follows a balance. */
  actor: z.string(),
  action: z.enum(['create', 'update', 'delete']),
  kind: z.string(),
  rowId: z.string(),
  before: z.record(z.string(), z.unknown()).optional(),
  after: z.record(z.string(), z.unknown()).optional(),
});

/** A Portkey config as it was from one change to the next. */
export const portkeyConfigVersion = z.object({
  /** Number of the change in the audit log. */
  change: z.number().int(),
  actor: z.string(),
  effectiveFrom: z.iso.datetime(),
  /** Absent: until now. */
  effectiveTo: z.iso.datetime().optional(),
  /** The fields of then. */
  config: z.record(z.string(), z.unknown()),
});

/** Live picture of one namespace, summed over all gateways that reported in the last 5 s. Rates are per second. */
export const namespaceLive = z.object({
  namespaceId: z.string(),
  requestsPerSecond: z.number(),
  refusedPerSecond: z.number(),
  inputTokensPerSecond: z.number(),
  outputTokensPerSecond: z.number(),
  inFlight: z.number().int(),
  /** Sums since the gateways started. */
  requests: z.number().int(),
  refused: z.number().int(),
  failed: z.number().int(),
  inputTokens: z.number().int(),
  outputTokens: z.number().int(),
});

/** One gateway as it last reported. */
export const gatewayRow = z.object({
  gatewayId: z.string(),
  version: z.string(),
  revision: z.number().int(),
  /** Whether it runs the newest revision, another one, or has refused the newest. */
  state: z.enum(['acknowledged', 'behind', 'refused']),
  refusedRevision: z.object({ revision: z.number().int(), reason: z.string() }).optional(),
  /** Seconds since Redis or the config center last confirmed its rules. */
  rulesAgeSeconds: z.number(),
  unusableKeys: z.array(unusableKey),
  /** Ids of upstreams that it has set aside for failing. */
  asideUpstreams: z.array(z.string()),
  lastSeenAt: z.iso.datetime(),
  inFlight: z.number().int(),
  requestsPerSecond: z.number(),
});

/** A row that was edited by hand and is not valid; what was published of it before goes on. */
export const refusedRow = z.object({ kind: z.string(), id: z.string(), field: z.string(), message: z.string() });

/** Where the secrets of the rows stand. */
export const secretsReport = z.object({
  masterKeys: z.array(
    z.object({
      id: masterKeyId,
      /** `current` encrypts, `known` still opens, `missing` is not among SECRETS_KEYS: its secrets are lost without it. */
      state: z.enum(['current', 'known', 'missing']),
      secrets: z.number().int(),
    }),
  ),
});

/** One ended request. */
export const requestLogRow = requestRecordShape;

const paging = {
  page: z.coerce.number().int().min(1).default(1),
  size: z.coerce.number().int().min(1).max(100).default(10),
  keyword: z.string().max(100).optional(),
};
const listOf = <T extends z.ZodType>(row: T) =>
  z.object({
    items: z.array(row),
    /** Counted up to 100,000: a longer list has at least so many. */
    total: z.number().int(),
    page: z.number().int(),
    size: z.number().int(),
    pages: z.number().int(),
    /** Asks for the next page as `cursor`, which costs the same however far it is; absent on the last page. */
    next: z.string().optional(),
  });
/** What lint says about the row that a call has written, and about others by it; absent when it says nothing. */
const warned = z.object({ warnings: z.array(lintFinding).optional() });
/** Of calls that change rules. `ignoreTests`: make the change although policy tests fail by it; told to the audit log. */
const writing = z.object({ ignoreTests: z.stringbool().optional() });

/** A row of the rules, without secrets: the fields depend on its kind. */
const ruleRow = z.looseObject({ id: z.string() });

/** What differs between two revisions, kind by kind; kinds without a difference are left out. */
export const revisionDiff = z.object({
  kinds: z.array(
    z.object({
      /** As in the rules: `namespaces`, `virtualKeys`. */
      kind: z.string(),
      added: z.array(ruleRow),
      removed: z.array(ruleRow),
      changed: z.array(
        z.object({
          id: z.string(),
          /** An absent `before` or `after`: the field was, or is, not set. */
          fields: z.array(z.object({ field: z.string(), before: z.unknown(), after: z.unknown() })),
        }),
      ),
    }),
  ),
});

/** One revision of the rules; `changes` counts rows against the revision before it, if that is still kept. */
export const revisionRow = z.object({
  revision: z.number().int(),
  createdAt: z.iso.datetime(),
  /** Whose change made it, as in the audit log; empty for revisions of before there were administrators. */
  actor: z.string(),
  sha256: z.string(),
  sizeBytes: z.number().int(),
  changes: z
    .object({
      sinceRevision: z.number().int(),
      added: z.number().int(),
      removed: z.number().int(),
      changed: z.number().int(),
    })
    .optional(),
});

interface Resource {
  readonly tag: string;
  readonly path: string;
  readonly row: z.ZodObject;
  readonly draft: z.ZodObject;
  readonly filters?: z.ZodRawShape;
  /** Who lists and reads; readers unless said otherwise. */
  readonly reads?: Access;
  /** Who creates, replaces and deletes; writers unless said otherwise. */
  readonly changes?: Access;
}

function crud<const R extends Resource>(resource: R) {
  const { tag, path, row, draft, filters, reads = READERS, changes = WRITERS } = resource;
  return {
    list: {
      method: 'get',
      path,
      tag,
      summary: `List ${tag}`,
      query: z.object({ ...paging, cursor: z.string().max(500).optional(), ...(filters ?? {}) }),
      response: listOf(row as R['row']),
      access: reads,
    },
    create: {
      method: 'post',
      path,
      tag,
      summary: `Create one of ${tag}`,
      query: writing,
      body: draft as R['draft'],
      response: saved(row as R['row']),
      status: 201,
      access: changes,
    },
    read: {
      method: 'get',
      path: `${path}/:id`,
      tag,
      summary: `Read one of ${tag}`,
      response: row as R['row'],
      access: reads,
    },
    update: {
      method: 'put',
      path: `${path}/:id`,
      tag,
      summary: `Replace one of ${tag}`,
      query: writing,
      body: replacementOf(draft as R['draft']),
      response: saved(row as R['row']),
      access: changes,
    },
    remove: {
      method: 'delete',
      path: `${path}/:id`,
      tag,
      summary: `Delete one of ${tag}`,
      query: writing,
      response: warned,
      access: changes,
    },
  } as const satisfies Record<string, AdminRoute>;
}

const ofNamespace = { namespaceId: z.string().optional() };
const ofProvider = { providerId: z.string().optional() };
const reason = z.string().max(500);

/** All routes of the control plane, below `/api/v2`. */
export const ADMIN_API = {
  session: sessionRoutes,
  sessions: sessionsRoutes,
  administrators: administratorRoutes,
  administratorKeys: administratorKeyRoutes,
  namespaces: crud({
    tag: 'namespaces',
    path: '/namespaces',
    row: namespaceRow,
    draft: namespaceDraft,
    filters: { isEnabled: z.stringbool().optional() },
  }),
  matchers: crud({ tag: 'matchers', path: '/matchers', row: matcherRow, draft: matcherDraft, filters: ofNamespace }),
  policies: crud({ tag: 'policies', path: '/policies', row: policyRow, draft: policyDraft, filters: ofNamespace }),
  providers: crud({ tag: 'providers', path: '/providers', row: providerRow, draft: providerDraft }),
  upstreams: crud({
    tag: 'upstreams',
    path: '/upstreams',
    row: upstreamRow,
    draft: upstreamDraft,
    filters: { providerId: z.string().optional() },
  }),
  providerKeys: {
    ...crud({
      tag: 'provider-keys',
      path: '/provider-keys',
      row: providerKeyRow,
      draft: providerKeyDraft,
      filters: { providerId: z.string().optional() },
      changes: SUPERADMINS,
    }),
    create: {
      method: 'post',
      path: '/provider-keys',
      tag: 'provider-keys',
      summary: 'Store a secret of a provider; no answer ever holds it',
      query: writing,
      body: providerKeyDraft.extend({ secret: providerSecret }),
      response: saved(providerKeyRow),
      status: 201,
      access: SUPERADMINS,
    },
    rotate: {
      method: 'post',
      path: '/provider-keys/:id/rotate',
      tag: 'provider-keys',
      summary: 'Replace the secret of a provider key',
      query: writing,
      body: z.object({ secret: providerSecret }).strict(),
      response: saved(providerKeyRow),
      access: SUPERADMINS,
    },
  },
  secrets: {
    read: {
      method: 'get',
      path: '/secrets',
      tag: 'secrets',
      summary: 'Master keys, and how many secrets are encrypted with each',
      response: secretsReport,
      access: SUPERADMINS,
    },
    rotate: {
      method: 'post',
      path: '/secrets/rotate',
      tag: 'secrets',
      summary: 'Bring every secret under the current master key',
      response: secretsReport.extend({ rewrapped: z.number().int() }),
      access: SUPERADMINS,
    },
  },
  customerTypes: crud({
    tag: 'customer-types',
    path: '/customer-types',
    row: customerTypeRow,
    draft: customerTypeDraft,
  }),
  tenants: crud({ tag: 'tenants', path: '/tenants', row: tenantRow, draft: tenantDraft, reads: EVERYONE }),
  fallbacks: crud({
    tag: 'fallbacks',
    path: '/fallbacks',
    row: fallbackRow,
    draft: fallbackDraft,
    filters: { namespaceId: z.string().optional() },
  }),
  prices: crud({
    tag: 'prices',
    path: '/prices',
    row: priceRow,
    draft: priceDraft,
    filters: { providerId: z.string().optional() },
  }),
  rates: crud({
    tag: 'rates',
    path: '/rates',
    row: rateRow,
    draft: rateDraft,
    filters: { ...ofProvider, customerTypeId: z.string().optional() },
  }),
  accounts: {
    ...crud({
      tag: 'accounts',
      path: '/accounts',
      row: accountRow,
      draft: accountDraft,
      filters: {
        tenantId: z.string().optional(),
        userId: z.string().optional(),
        status: accountShape.shape.status.unwrap().optional(),
        standing: accountShape.shape.standing.optional(),
      },
      reads: EVERYONE,
    }),
    entries: {
      method: 'get',
      path: '/accounts/:id/entries',
      tag: 'accounts',
      summary: 'Entries of the ledger of an account, the newest first',
      query: z.object({
        kind: ledgerEntryRow.shape.kind.optional(),
        cursor: z.string().max(500).optional(),
        size: z.coerce.number().int().min(1).max(100).default(20),
      }),
      response: z.object({ items: z.array(ledgerEntryRow), next: z.string().optional() }),
      access: EVERYONE,
    },
    book: {
      method: 'post',
      path: '/accounts/:id/entries',
      tag: 'accounts',
      summary: 'Book a top-up, refund or adjustment; the same idempotency key again answers the entry that is there',
      body: ledgerEntryDraft,
      response: ledgerEntryRow,
      status: 201,
      access: WRITERS,
    },
  },
  layeredLimits: crud({
    tag: 'layered-limits',
    path: '/layered-limits',
    row: layeredLimitRow,
    draft: layeredLimitDraft,
    filters: { targetType: z.string().optional(), targetId: z.string().optional() },
    reads: EVERYONE,
  }),
  virtualKeys: {
    ...crud({
      tag: 'virtual-keys',
      path: '/virtual-keys',
      row: virtualKeyRow,
      draft: virtualKeyDraft,
      filters: { userId: z.string().optional(), tenantId: z.string().optional() },
      reads: EVERYONE,
      changes: TENANT_WRITERS,
    }),
    create: {
      method: 'post',
      path: '/virtual-keys',
      tag: 'virtual-keys',
      summary: 'Create a virtual key; the answer is the only time its secret is shown',
      query: writing,
      body: virtualKeyDraft,
      response: saved(virtualKeyRow.extend({ secret: z.string() })),
      status: 201,
      access: TENANT_WRITERS,
    },
    rotate: {
      method: 'post',
      path: '/virtual-keys/:id/rotate',
      tag: 'virtual-keys',
      summary: 'Give a virtual key a new secret, shown only in the answer; the old one may work on for a while',
      query: writing,
      body: z
        .object({
          /** Seconds that the old secret still works; 0 = it is refused at once. */
          graceSeconds: z
            .number()
            .int()
            .min(0)
            .max(30 * 86_400)
            .default(0),
          reason: reason.default('security_rotation'),
        })
        .strict(),
      response: saved(virtualKeyRow.extend({ secret: z.string() })),
      access: TENANT_WRITERS,
    },
    activate: {
      method: 'post',
      path: '/virtual-keys/:id/activate',
      tag: 'virtual-keys',
      summary: 'Switch a virtual key on',
      query: writing,
      body: z.object({ reason: reason.optional() }).strict(),
      response: saved(virtualKeyRow),
      access: TENANT_WRITERS,
    },
    deactivate: {
      method: 'post',
      path: '/virtual-keys/:id/deactivate',
      tag: 'virtual-keys',
      summary: 'Switch a virtual key off',
      query: writing,
      body: z.object({ reason: reason.optional() }).strict(),
      response: saved(virtualKeyRow),
      access: TENANT_WRITERS,
    },
  },
  models: crud({ tag: 'models', path: '/models', row: modelRow, draft: modelDraft, filters: ofProvider }),
  redirects: crud({
    tag: 'redirects',
    path: '/redirects',
    row: redirectRow,
    draft: redirectDraft,
    filters: ofNamespace,
  }),
  locations: {
    ...crud({ tag: 'locations', path: '/locations', row: locationRow, draft: locationDraft, filters: ofProvider }),
    test: {
      method: 'post',
      path: '/locations/test',
      tag: 'locations',
      summary: 'Which location a path falls under, and where it leads; with a draft in place of its row',
      body: z
        .object({
          path: z.string().min(1).max(2000),
          draft: locationDraft.extend({ id: z.string().optional() }).optional(),
        })
        .strict(),
      response: z.object({
        /** The path to go on with. */
        path: z.string(),
        locationId: z.string().optional(),
        providerId: z.string().optional(),
        upstreamId: z.string().optional(),
        addHeaders: z.record(z.string(), z.string()),
      }),
      access: READERS,
    },
  },
  portkeyConfigs: {
    ...crud({
      tag: 'portkey-configs',
      path: '/portkey-configs',
      row: portkeyConfigRow,
      draft: portkeyConfigDraft,
      filters: ofProvider,
    }),
    versions: {
      method: 'get',
      path: '/portkey-configs/:id/versions',
      tag: 'portkey-configs',
      summary: 'Every version that a Portkey config has had, the newest first, also of one that was deleted',
      query: z.object({ cursor: z.coerce.number().int().min(1).optional(), size: paging.size }),
      response: z.object({ items: z.array(portkeyConfigVersion), next: z.number().int().optional() }),
      access: READERS,
    },
    activate: {
      method: 'post',
      path: '/portkey-configs/:id/activate',
      tag: 'portkey-configs',
      summary: 'Route the requests of the provider by this config; the one that was active no longer is',
      query: writing,
      response: portkeyConfigRow,
      access: WRITERS,
    },
    deactivate: {
      method: 'post',
      path: '/portkey-configs/:id/deactivate',
      tag: 'portkey-configs',
      summary: 'Switch a Portkey config off; without another the provider takes no requests',
      query: writing,
      response: portkeyConfigRow,
      access: WRITERS,
    },
  },
  users: {
    ...crud({
      tag: 'users',
      path: '/users',
      row: userRow,
      draft: userDraft,
      filters: { tenantId: z.string().optional(), status: z.string().optional() },
    }),
    setStatus: {
      method: 'post',
      path: '/users/:id/status',
      tag: 'users',
      summary: 'Change the status of a user; the status that it has already changes nothing',
      query: writing,
      body: z.object({ status: userStatus, reason: reason.optional() }).strict(),
      response: saved(userRow),
      access: WRITERS,
    },
  },
  policyTests: {
    ...crud({ tag: 'policy-tests', path: '/policy-tests', row: policyTestRow, draft: policyTestDraft }),
    run: {
      method: 'post',
      path: '/policy-tests/run',
      tag: 'policy-tests',
      summary: 'Run policy tests against the rules in force; without `testIds` all that are enabled',
      body: z.object({ testIds: z.array(z.string().max(40)).max(MAX_POLICY_TESTS).optional() }).strict(),
      response: z.object({ revision: z.number().int(), results: z.array(policyTestResult) }),
      access: READERS,
    },
  },
  revisions: {
    list: {
      method: 'get',
      path: '/revisions',
      tag: 'revisions',
      summary: 'Revisions of the rules, newest first',
      query: z.object({ page: paging.page, size: z.coerce.number().int().min(1).max(50).default(10) }),
      response: listOf(revisionRow),
      access: READERS,
    },
    read: {
      method: 'get',
      path: '/revisions/:revision',
      tag: 'revisions',
      summary: 'The rules of a revision, without the hashes of virtual keys',
      response: revisionRow.omit({ changes: true }).extend({ content: z.record(z.string(), z.array(ruleRow)) }),
      access: READERS,
    },
    diff: {
      method: 'get',
      path: '/revisions/:before/diff/:after',
      tag: 'revisions',
      summary: 'What differs between two revisions',
      response: revisionDiff,
      access: READERS,
    },
    rollBack: {
      method: 'post',
      path: '/revisions/:revision/rollback',
      tag: 'revisions',
      summary: 'Write the rules of a revision back, as a new revision',
      query: writing,
      response: z.object({ revision: z.number().int() }),
      access: WRITERS,
    },
  },
  scheduled: {
    list: {
      method: 'get',
      path: '/scheduled',
      tag: 'scheduled',
      summary: 'Changes that are to be made at a set time, and what became of earlier ones, the newest first',
      query: z.object({
        status: scheduledRow.shape.status.optional(),
        cursor: z.string().max(500).optional(),
        size: z.coerce.number().int().min(1).max(100).default(20),
      }),
      response: z.object({ items: z.array(scheduledRow), next: z.string().optional() }),
      access: READERS,
    },
    create: {
      method: 'post',
      path: '/scheduled',
      tag: 'scheduled',
      summary: 'Schedule writes that are made together, in one revision, at `effectiveFrom`; they are checked then',
      body: scheduledDraft,
      response: scheduledRow,
      status: 201,
      access: WRITERS,
    },
    cancel: {
      method: 'delete',
      path: '/scheduled/:id',
      tag: 'scheduled',
      summary: 'Cancel a change that has not been made yet',
      response: scheduledRow,
      access: WRITERS,
    },
  },
  lint: {
    list: {
      method: 'get',
      path: '/lint',
      tag: 'lint',
      summary: 'What is doubtful about the rules in force',
      response: z.object({ findings: z.array(lintFinding) }),
      access: READERS,
    },
  },
  ruleSet: {
    export: {
      method: 'get',
      path: '/rule-set',
      tag: 'rule-set',
      summary: 'The rules as one file, without secrets; `format=yaml` answers the bare file',
      query: z.object({ format: z.enum(['json', 'yaml']).optional() }),
      response: z.object({ revision: z.number().int(), file: ruleSetShape }),
      access: READERS,
    },
    diff: {
      method: 'post',
      path: '/rule-set/diff',
      tag: 'rule-set',
      summary: 'What applying a file would change',
      body: ruleSetDiffRequest,
      response: ruleSetPlan,
      access: READERS,
    },
    apply: {
      method: 'post',
      path: '/rule-set/apply',
      tag: 'rule-set',
      summary: 'Make the rules as a file says, all of it in one revision or nothing',
      query: writing,
      body: ruleSetApplyRequest,
      response: ruleSetPlan,
      access: WRITERS,
    },
  },
  audit: {
    list: {
      method: 'get',
      path: '/audit',
      tag: 'audit',
      summary: 'Changes, the newest first; `next` of an answer asks for older ones',
      query: z.object({
        kind: z.string().optional(),
        rowId: z.string().optional(),
        actor: z.string().optional(),
        action: z.enum(['create', 'update', 'delete']).optional(),
        from: z.iso.datetime({ offset: true }).optional(),
        to: z.iso.datetime({ offset: true }).optional(),
        next: z.coerce.number().int().min(1).optional(),
        size: z.coerce.number().int().min(1).max(100).default(20),
      }),
      response: z.object({ items: z.array(auditEntry), next: z.number().int().optional() }),
      access: READERS,
    },
  },
  requestLogs: {
    list: {
      method: 'get',
      path: '/request-logs',
      tag: 'request-logs',
      summary: 'Ended requests, the newest first; `cursor` of an answer asks for older ones',
      query: z.object({
        requestId: z.string().max(64).optional(),
        namespaceId: z.string().max(40).optional(),
        virtualKeyId: z.string().max(40).optional(),
        /** As the provider knows it. */
        model: z.string().max(200).optional(),
        status: z.coerce.number().int().min(100).max(599).optional(),
        outcome: outcomeKind.optional(),
        from: z.iso.datetime({ offset: true }).optional(),
        to: z.iso.datetime({ offset: true }).optional(),
        cursor: z.string().max(40).optional(),
        size: z.coerce.number().int().min(1).max(200).default(20),
      }),
      response: z.object({ items: z.array(requestLogRow), cursor: z.string().optional() }),
      access: READERS,
    },
  },
  usage: usageRoutes,
  settings: operatorSettingsRoutes,
  explain: {
    explain: {
      method: 'post',
      path: '/explain',
      tag: 'explain',
      summary: 'How a gateway would decide a request now, step by step; takes nothing',
      body: z
        .object({ request: explainedRequest.optional(), requestId: z.string().min(1).max(64).optional() })
        .strict(),
      response: explainAnswer,
      access: READERS,
    },
  },
  simulate: {
    simulate: {
      method: 'post',
      path: '/simulate',
      tag: 'simulate',
      summary: 'What draft policies would have done to the requests of the log; changes nothing',
      body: z
        .object({
          namespaceId: z.string().min(1).max(40),
          /** A draft with the id of a policy stands in its place. None: the rules as they are. */
          policies: z
            .array(policyDraft.extend({ id: z.string().max(40).optional() }))
            .max(20)
            .default([]),
          from: z.iso.datetime({ offset: true }),
          to: z.iso.datetime({ offset: true }),
        })
        .strict(),
      response: simulation,
      access: READERS,
    },
  },
  live: {
    namespaces: {
      method: 'get',
      path: '/live/namespaces',
      tag: 'live',
      summary: 'Live rates of every namespace that has traffic',
      response: z.object({ items: z.array(namespaceLive) }),
      access: READERS,
    },
    limits: {
      method: 'get',
      path: '/limits',
      tag: 'live',
      summary: 'Counters of a namespace and its running requests, as the gateways that decide see them',
      query: z.object({ namespace: z.string().min(1) }),
      response: z.object({
        /** One report for all gateways that share a store, one for each that counts alone. */
        reports: z.array(limitsReport.extend({ gatewayId: z.string() })),
        /** Gateways that did not answer. */
        missing: z.array(z.string()),
      }),
      access: READERS,
    },
    gateways: {
      method: 'get',
      path: '/gateways',
      tag: 'live',
      summary: 'Gateways and the revision that each runs',
      response: z.object({
        items: z.array(gatewayRow),
        revision: z.number().int(),
        refusedRows: z.array(refusedRow),
      }),
      access: READERS,
    },
  },
  tokens: {
    tokenize: {
      method: 'post',
      path: '/tokens/tokenize',
      tag: 'tokens',
      summary: 'The tokens of a text or of a chat, as the token service counts them',
      body: tokenizeRequest,
      response: tokenizeResponse,
      access: READERS,
    },
    models: {
      method: 'get',
      path: '/tokens/models',
      tag: 'tokens',
      summary: 'How each model is counted, the vocabularies, and how well estimates have matched',
      response: modelsResponse,
      access: READERS,
    },
  },
} as const satisfies Record<string, Record<string, AdminRoute>>;

export type NamespaceRow = z.infer<typeof namespaceRow>;
export type MatcherRow = z.infer<typeof matcherRow>;
export type PolicyRow = z.infer<typeof policyRow>;
export type PolicyTestRow = z.infer<typeof policyTestRow>;
export type PortkeyConfigRow = z.infer<typeof portkeyConfigRow>;
export type PortkeyConfigVersion = z.infer<typeof portkeyConfigVersion>;
export type ProviderRow = z.infer<typeof providerRow>;
export type UpstreamRow = z.infer<typeof upstreamRow>;
export type FallbackRow = z.infer<typeof fallbackRow>;
export type ProviderKeyRow = z.infer<typeof providerKeyRow>;
export type SecretsReport = z.infer<typeof secretsReport>;
export type RequestLogRow = z.infer<typeof requestLogRow>;
export type RefusedRow = z.infer<typeof refusedRow>;
export type AuditEntry = z.infer<typeof auditEntry>;
export type LimitsView = z.infer<(typeof ADMIN_API)['live']['limits']['response']>;
export type VirtualKeyRow = z.infer<typeof virtualKeyRow>;
export type NamespaceLive = z.infer<typeof namespaceLive>;
export type RevisionDiff = z.infer<typeof revisionDiff>;
export type RevisionRow = z.infer<typeof revisionRow>;
export type GatewayRow = z.infer<typeof gatewayRow>;
