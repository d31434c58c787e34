import { createHash } from 'node:crypto';
import {
  type Matcher,
  matcherShape,
  namespaceShape,
  type Policy,
  policyShape,
  providerShape,
  upstreamShape,
  virtualKeyShape,
} from '@ai-gateway/contracts';
import type { Store } from '../../config-center/src/db/store.ts';
import { type Rows, type TableName, toColumns } from '../../config-center/src/db/tables.ts';

const AT = '2026-01-01T00:00:00.000Z';
const BATCH = 1_000;

/** Ids as long as real ones, and the same in every run. */
const idOf = (prefix: string, name: string) =>
  `${prefix}_${createHash('sha256').update(name).digest('hex').slice(0, 24)}`;

/** Rules of so many channels: five policies, a matcher and a virtual key each, one provider for all. */
export function manyRules(count: number) {
  const channels = Array.from({ length: count }, (_, index) => channelAt(index));
  const provider = providerShape.parse({ id: 'prov_bench', name: 'bench', dialect: 'openai', models: ['*'] });
  const upstream = upstreamShape.parse({ id: 'ups_bench', providerId: provider.id, baseUrl: 'http://127.0.0.1:2/v1' });
  return {
    namespaces: channels.map(({ namespace }) => namespace),
    matchers: channels.map(({ matcher }) => matcher),
    policies: channels.flatMap(({ policies }) => policies),
    virtualKeys: channels.map(({ virtualKey }) => virtualKey),
    providers: [provider],
    upstreams: [upstream],
    providerKeys: [],
    customerTypes: [],
    tenants: [],
    prices: [],
    layeredLimits: [],
    fallbacks: [],
    models: [],
    redirects: [],
    locations: [],
    portkeyConfigs: [],
    users: [],
    rates: [],
    accounts: [],
  };
}

function channelAt(index: number) {
  const code = `bench-${index}`;
  const namespaceId = idOf('ns', code);
  const matcher: Matcher = matcherShape.parse({
    id: idOf('mat', code),
    namespaceId,
    source: 'header',
    field: 'X-Channel-Code',
    operator: 'equals',
    value: code,
  });
  const rules = [
    { kind: 'qps-limit', maxQps: 50, windowSeconds: 1 },
    { kind: 'concurrency-limit', maxConcurrent: 100 },
    { kind: 'token-limit', maxInputTokens: 4_000, maxOutputTokens: 2_000, windows: [] },
    { kind: 'token-limit', windows: [{ windowSeconds: 3_600, maxTokens: 100_000 + index }] },
    {
      kind: 'message-matching',
      action: 'deny',
      condition: { source: 'body', field: 'user', operator: 'equals', value: 'nobody' },
    },
  ];
  const policies: Policy[] = rules.map((rule, place) =>
    policyShape.parse({ id: idOf('pol', `${code} ${place}`), namespaceId, name: `${code} ${place}`, rule }),
  );
  return {
    namespace: namespaceShape.parse({ id: namespaceId, code, name: `Channel ${index}`, authMode: 'open' }),
    matcher,
    policies,
    virtualKey: virtualKeyShape.parse({
      id: idOf('vk', code),
      name: `Key of ${code}`,
      prefix: 'vk_bench1',
      secretHash: createHash('sha256').update(code).digest('hex'),
      namespaceIds: [namespaceId],
    }),
  };
}

/** Writes the rules into an empty database, as a dump that is read back would. */
export async function seedRules(store: Store, count: number): Promise<void> {
  const rules = manyRules(count);
  const tables: readonly (readonly [TableName, readonly Rows[TableName][]])[] = [
    ['namespace', rules.namespaces],
    ['provider', rules.providers],
    ['upstream', rules.upstreams],
    ['matcher', rules.matchers],
    ['policy', rules.policies],
    ['virtual_key', rules.virtualKeys],
  ];
  await store.connection.transaction().execute(async (transaction) => {
    for (const [table, rows] of tables) {
      for (let start = 0; start < rows.length; start += BATCH) {
        const values = rows
          .slice(start, start + BATCH)
          .map((row) => ({ ...toColumns(table, { ...row }), created_at: AT, updated_at: AT }));
        await transaction
          .insertInto(table as string)
          .values(values)
          .execute();
      }
    }
  });
}
