import type {
  Account,
  CustomerType,
  Fallback,
  LayeredLimit,
  Location,
  Matcher,
  Model,
  Namespace,
  Policy,
  PolicyTest,
  PortkeyConfig,
  Price,
  Provider,
  ProviderKey,
  Rate,
  Redirect,
  Tenant,
  Upstream,
  User,
  VirtualKey,
} from '@ai-gateway/contracts';

/** How a field is kept in its column. Text is kept as it is, absent optional fields as NULL. */
type ColumnType = 'text' | 'boolean' | 'integer' | 'json';

/** Rows of each resource, as the domain sees them. */
export interface Rows {
  readonly namespace: Namespace;
  readonly matcher: Matcher;
  readonly policy: Policy;
  readonly provider: Provider;
  readonly upstream: Upstream;
  readonly provider_key: ProviderKey;
  readonly virtual_key: VirtualKey;
  readonly customer_type: CustomerType;
  readonly tenant: Tenant;
  readonly price: Price;
  readonly layered_limit: LayeredLimit;
  readonly fallback: Fallback;
  readonly model: Model;
  readonly redirect: Redirect;
  readonly location: Location;
  readonly end_user: User;
  readonly portkey_config: PortkeyConfig;
  readonly rate: Rate;
  readonly account: Account;
  /** No rule: gateways do not get it. */
  readonly policy_test: PolicyTest;
}

export type TableName = keyof Rows;

/** When a row was made and last changed, RFC 3339 in UTC, and how often: its version starts at 1. */
export interface Stamps {
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A row as it is read. */
export type Row<Name extends TableName> = Rows[Name] & Stamps;

type Columns = Readonly<Record<string, ColumnType>>;

/** Fields of each table in the order of their columns; a column is the field's name in snake case. */
export const TABLES: { readonly [Name in TableName]: Readonly<Record<keyof Rows[Name] & string, ColumnType>> } = {
  namespace: {
    id: 'text',
    code: 'text',
    name: 'text',
    description: 'text',
    isEnabled: 'boolean',
    authMode: 'text',
    maxWaitMs: 'integer',
    maxWaiting: 'integer',
    weight: 'integer',
    cache: 'json',
    allowedModels: 'json',
    deniedModels: 'json',
    defaultProviderId: 'text',
    defaultUpstreamId: 'text',
    onUnsupported: 'text',
  },
  matcher: {
    id: 'text',
    namespaceId: 'text',
    source: 'text',
    field: 'text',
    operator: 'text',
    value: 'text',
    priority: 'integer',
    isEnabled: 'boolean',
  },
  policy: {
    id: 'text',
    namespaceId: 'text',
    name: 'text',
    description: 'text',
    priority: 'integer',
    isEnabled: 'boolean',
    mode: 'text',
    onLimiterDown: 'text',
    scope: 'json',
    countPer: 'json',
    rule: 'json',
  },
  provider: {
    id: 'text',
    name: 'text',
    dialect: 'text',
    onUnsupported: 'text',
    apiKeyEnv: 'text',
    models: 'json',
    priority: 'integer',
    isEnabled: 'boolean',
    strategy: 'text',
    routing: 'json',
  },
  upstream: {
    id: 'text',
    providerId: 'text',
    baseUrl: 'text',
    weight: 'integer',
    isEnabled: 'boolean',
    connectTimeoutMs: 'integer',
    firstByteTimeoutMs: 'integer',
    idleTimeoutMs: 'integer',
    totalTimeoutMs: 'integer',
    priority: 'integer',
    canaryPercent: 'integer',
    maxConcurrent: 'integer',
    healthCheck: 'json',
  },
  provider_key: {
    id: 'text',
    providerId: 'text',
    upstreamId: 'text',
    name: 'text',
    weight: 'integer',
    priority: 'integer',
    isEnabled: 'boolean',
    lastFour: 'text',
    sealed: 'json',
  },
  virtual_key: {
    id: 'text',
    name: 'text',
    prefix: 'text',
    secretHash: 'text',
    namespaceIds: 'json',
    isEnabled: 'boolean',
    expiresAt: 'text',
    tenantId: 'text',
    customerTypeId: 'text',
    allowedModels: 'json',
    userId: 'text',
    statusReason: 'text',
    previousSecretHash: 'text',
    previousUntil: 'text',
  },
  customer_type: { id: 'text', name: 'text' },
  tenant: { id: 'text', name: 'text', customerTypeId: 'text' },
  price: { id: 'text', providerId: 'text', model: 'text', inputPerMillion: 'text', outputPerMillion: 'text' },
  layered_limit: {
    id: 'text',
    targetType: 'text',
    targetId: 'text',
    providerId: 'text',
    model: 'text',
    isEnabled: 'boolean',
    onLimiterDown: 'text',
    countPer: 'text',
    limit: 'json',
  },
  fallback: { id: 'text', namespaceId: 'text', model: 'text', targets: 'json', isEnabled: 'boolean' },
  model: {
    id: 'text',
    providerId: 'text',
    name: 'text',
    upstreamName: 'text',
    aliases: 'json',
    contextTokens: 'integer',
    maxOutputTokens: 'integer',
    capabilities: 'json',
    isEnabled: 'boolean',
  },
  redirect: {
    id: 'text',
    namespaceId: 'text',
    model: 'text',
    target: 'text',
    priority: 'integer',
    isEnabled: 'boolean',
  },
  location: {
    id: 'text',
    name: 'text',
    path: 'text',
    isRegex: 'boolean',
    rewriteTo: 'text',
    providerId: 'text',
    upstreamId: 'text',
    addHeaders: 'json',
    onUnsupported: 'text',
    priority: 'integer',
    isEnabled: 'boolean',
  },
  end_user: {
    id: 'text',
    name: 'text',
    email: 'text',
    tenantId: 'text',
    customerTypeId: 'text',
    status: 'text',
    statusReason: 'text',
  },
  portkey_config: {
    id: 'text',
    providerId: 'text',
    name: 'text',
    description: 'text',
    isEnabled: 'boolean',
    strategy: 'json',
    targets: 'json',
    overrideParams: 'json',
    retry: 'json',
    cache: 'json',
    requestTimeoutMs: 'integer',
    metadata: 'json',
  },
  rate: {
    id: 'text',
    customerTypeId: 'text',
    providerId: 'text',
    model: 'text',
    inputPerMillion: 'text',
    outputPerMillion: 'text',
  },
  account: {
    id: 'text',
    tenantId: 'text',
    userId: 'text',
    currency: 'text',
    softLimit: 'text',
    hardLimit: 'text',
    status: 'text',
    standing: 'text',
  },
  policy_test: { id: 'text', name: 'text', description: 'text', isEnabled: 'boolean', cases: 'json' },
};

/** Columns that the keyword of a list is looked for in. */
export const SEARCHED: { readonly [Name in TableName]: readonly string[] } = {
  namespace: ['code', 'name', 'description'],
  matcher: ['field', 'value'],
  policy: ['name', 'description'],
  provider: ['name'],
  upstream: ['base_url'],
  provider_key: ['name', 'last_four'],
  virtual_key: ['name', 'prefix'],
  customer_type: ['name'],
  tenant: ['name'],
  price: ['model'],
  layered_limit: ['target_id', 'model'],
  fallback: ['model'],
  model: ['name', 'aliases'],
  redirect: ['model', 'target'],
  location: ['name', 'path'],
  end_user: ['name', 'email'],
  portkey_config: ['name', 'description'],
  rate: ['model'],
  account: ['tenant_id', 'user_id'],
  policy_test: ['name', 'description'],
};

/** `namespaceId` to `namespace_id`. */
export function columnOf(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A row as its columns. */
export function toColumns(table: TableName, row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(TABLES[table] as Columns).map(([field, type]) => [columnOf(field), toColumn(type, row[field])]),
  );
}

/** Columns as a row. */
export function fromColumns<Name extends TableName>(
  table: Name,
  columns: Readonly<Record<string, unknown>>,
): Row<Name> {
  const fields = Object.entries(TABLES[table] as Columns)
    .map(([field, type]) => [field, fromColumn(type, columns[columnOf(field)])] as const)
    .filter(([, value]) => value !== undefined);
  const stamps = { version: Number(columns.version), createdAt: columns.created_at, updatedAt: columns.updated_at };
  // The columns were written by toColumns from a checked row.
  return { ...Object.fromEntries(fields), ...stamps } as Row<Name>;
}

function toColumn(type: ColumnType, value: unknown): unknown {
  if (value === undefined) return null;
  if (type === 'boolean') return value === true ? 1 : 0;
  return type === 'json' ? JSON.stringify(value) : value;
}

function fromColumn(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (type === 'boolean') return value === 1;
  return type === 'json' ? parsed(String(value)) : value;
}

/** Text that is no JSON was edited by hand; as a text it is refused where rows are checked. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
