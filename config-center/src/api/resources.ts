import { createHmac, randomBytes } from 'node:crypto';
import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import { newId, type Page, type Resources, type Store } from '../db/store.ts';
import type { Row, Rows, TableName } from '../db/tables.ts';
import { checkMatcher, checkPolicy, checkProvider, checkUpstream } from '../domain/check-draft.ts';
import { type Fault, Refusal } from '../domain/faults.ts';
import type { Publisher } from '../publish/publisher.ts';
import { handle } from './handle.ts';

export interface ResourceOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly authorize: RequestHandler;
  readonly keyPepper: string;
  readonly now: () => string;
}

/** What is particular about one kind of resource. */
interface Kind<Name extends TableName> {
  readonly table: Name;
  readonly prefix: string;
  readonly name: string;
  /** Faults beyond the shapes of the fields, including those that need other rows. */
  readonly check: (row: Rows[Name], resources: Resources) => Promise<readonly Fault[]>;
  /** Refuses, or removes what belongs to the row. */
  readonly beforeRemove: (id: string, resources: Resources) => Promise<void>;
}

const namespaces: Kind<'namespace'> = {
  table: 'namespace',
  prefix: 'ns',
  name: 'namespace',
  check: (row, resources) => unique(resources, 'namespace', 'code', row),
  async beforeRemove(id, resources) {
    const keys = await resources.all('virtual_key');
    const users = keys
      .filter(({ namespaceIds }) => namespaceIds.includes(id))
      .map(({ name }) => `virtual key "${name}"`);
    refuseWhenUsed(users);
    await resources.remove('matcher', { namespaceId: id });
    await resources.remove('policy', { namespaceId: id });
  },
};

const matchers: Kind<'matcher'> = {
  table: 'matcher',
  prefix: 'mat',
  name: 'matcher',
  async check(row, resources) {
    const others = await resources.all('matcher');
    const twin = others.find(
      (other) =>
        other.id !== row.id &&
        other.namespaceId !== row.namespaceId &&
        other.source === row.source &&
        other.field.toLowerCase() === row.field.toLowerCase() &&
        other.operator === row.operator &&
        other.value === row.value &&
        other.priority === row.priority,
    );
    if (twin !== undefined) {
      const message = 'Another namespace has the same condition at the same priority.';
      throw new Refusal(409, message, [{ path: 'value', message }]);
    }
    return [...checkMatcher(row), ...(await exists(resources, 'namespace', 'namespaceId', row.namespaceId))];
  },
  beforeRemove: async () => {},
};

const policies: Kind<'policy'> = {
  table: 'policy',
  prefix: 'pol',
  name: 'policy',
  check: async (row, resources) => [
    ...checkPolicy(row),
    ...(await exists(resources, 'namespace', 'namespaceId', row.namespaceId)),
  ],
  beforeRemove: async () => {},
};

const providers: Kind<'provider'> = {
  table: 'provider',
  prefix: 'prov',
  name: 'provider',
  check: async (row, resources) => [...checkProvider(row), ...(await unique(resources, 'provider', 'name', row))],
  async beforeRemove(id, resources) {
    const upstreams = await resources.all('upstream');
    refuseWhenUsed(upstreams.filter(({ providerId }) => providerId === id).map(({ baseUrl }) => `upstream ${baseUrl}`));
  },
};

const upstreams: Kind<'upstream'> = {
  table: 'upstream',
  prefix: 'ups',
  name: 'upstream',
  check: async (row, resources) => [
    ...checkUpstream(row),
    ...(await exists(resources, 'provider', 'providerId', row.providerId)),
  ],
  beforeRemove: async () => {},
};

const virtualKeys: Kind<'virtual_key'> = {
  table: 'virtual_key',
  prefix: 'vk',
  name: 'virtual key',
  async check({ namespaceIds }, resources) {
    const faults = await Promise.all(
      namespaceIds.map((id, index) => exists(resources, 'namespace', `namespaceIds.${index}`, id)),
    );
    return faults.flat();
  },
  beforeRemove: async () => {},
};

/** Registers create, read, list, replace and delete of every resource. */
export function resourceRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize } = options;
  const list = async <Name extends TableName>(table: Name, query: ListCall) =>
    paged(await store.list(table, queryOf(query)), query);

  const ofNamespaces = operations(namespaces, options);
  handle(app, ADMIN_API.namespaces.list, authorize, ({ query }) => list('namespace', query));
  handle(app, ADMIN_API.namespaces.create, authorize, ({ body }) => ofNamespaces.create(body));
  handle(app, ADMIN_API.namespaces.read, authorize, ({ params }) => ofNamespaces.read(params.id));
  handle(app, ADMIN_API.namespaces.update, authorize, ({ params, body }) => ofNamespaces.update(params.id, body));
  handle(app, ADMIN_API.namespaces.remove, authorize, ({ params }) => ofNamespaces.remove(params.id));

  const ofMatchers = operations(matchers, options);
  handle(app, ADMIN_API.matchers.list, authorize, ({ query }) => list('matcher', query));
  handle(app, ADMIN_API.matchers.create, authorize, ({ body }) => ofMatchers.create(body));
  handle(app, ADMIN_API.matchers.read, authorize, ({ params }) => ofMatchers.read(params.id));
  handle(app, ADMIN_API.matchers.update, authorize, ({ params, body }) => ofMatchers.update(params.id, body));
  handle(app, ADMIN_API.matchers.remove, authorize, ({ params }) => ofMatchers.remove(params.id));

  const ofPolicies = operations(policies, options);
  handle(app, ADMIN_API.policies.list, authorize, ({ query }) => list('policy', query));
  handle(app, ADMIN_API.policies.create, authorize, ({ body }) => ofPolicies.create(body));
  handle(app, ADMIN_API.policies.read, authorize, ({ params }) => ofPolicies.read(params.id));
  handle(app, ADMIN_API.policies.update, authorize, ({ params, body }) => ofPolicies.update(params.id, body));
  handle(app, ADMIN_API.policies.remove, authorize, ({ params }) => ofPolicies.remove(params.id));

  const ofProviders = operations(providers, options);
  handle(app, ADMIN_API.providers.list, authorize, ({ query }) => list('provider', query));
  handle(app, ADMIN_API.providers.create, authorize, ({ body }) => ofProviders.create(body));
  handle(app, ADMIN_API.providers.read, authorize, ({ params }) => ofProviders.read(params.id));
  handle(app, ADMIN_API.providers.update, authorize, ({ params, body }) => ofProviders.update(params.id, body));
  handle(app, ADMIN_API.providers.remove, authorize, ({ params }) => ofProviders.remove(params.id));

  const ofUpstreams = operations(upstreams, options);
  handle(app, ADMIN_API.upstreams.list, authorize, ({ query }) => list('upstream', query));
  handle(app, ADMIN_API.upstreams.create, authorize, ({ body }) => ofUpstreams.create(body));
  handle(app, ADMIN_API.upstreams.read, authorize, ({ params }) => ofUpstreams.read(params.id));
  handle(app, ADMIN_API.upstreams.update, authorize, ({ params, body }) => ofUpstreams.update(params.id, body));
  handle(app, ADMIN_API.upstreams.remove, authorize, ({ params }) => ofUpstreams.remove(params.id));

  virtualKeyRoutes(app, options);
}

function virtualKeyRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize, keyPepper } = options;
  const ofKeys = operations(virtualKeys, options);
  handle(app, ADMIN_API.virtualKeys.list, authorize, async ({ query }) => {
    const page = paged(await store.list('virtual_key', queryOf(query)), query);
    return { ...page, items: page.items.map(withoutHash) };
  });
  handle(app, ADMIN_API.virtualKeys.create, authorize, async ({ body }) => {
    const secret = `vk_${randomBytes(32).toString('base64url')}`;
    const secretHash = createHmac('sha256', keyPepper).update(secret).digest('hex');
    return { ...withoutHash(await ofKeys.create({ ...body, prefix: secret.slice(0, 9), secretHash })), secret };
  });
  handle(app, ADMIN_API.virtualKeys.read, authorize, async ({ params }) => withoutHash(await ofKeys.read(params.id)));
  handle(app, ADMIN_API.virtualKeys.update, authorize, async ({ params, body }) => {
    const { prefix, secretHash } = await ofKeys.read(params.id);
    return withoutHash(await ofKeys.update(params.id, { ...body, prefix, secretHash }));
  });
  handle(app, ADMIN_API.virtualKeys.remove, authorize, ({ params }) => ofKeys.remove(params.id));
}

/** The writes and the single read of a kind; every write makes a revision in the same transaction. */
function operations<Name extends TableName>(kind: Kind<Name>, { store, publisher, now }: ResourceOptions) {
  const notFound = () => new Refusal(404, `There is no such ${kind.name}.`);

  async function save(row: Rows[Name], resources: Resources): Promise<void> {
    const faults = await kind.check(row, resources);
    if (faults.length > 0) throw new Refusal(400, `The ${kind.name} is not valid.`, faults);
  }

  return {
    create(draft: Omit<Rows[Name], 'id'>): Promise<Row<Name>> {
      return publisher.change(async (resources) => {
        const row = { ...draft, id: newId(kind.prefix) } as unknown as Rows[Name];
        await save(row, resources);
        return resources.insert(kind.table, row, now());
      });
    },
    async read(id = ''): Promise<Row<Name>> {
      const row = await store.read(kind.table, id);
      if (row === undefined) throw notFound();
      return row;
    },
    update(id = '', draft: Omit<Rows[Name], 'id'>): Promise<Row<Name>> {
      return publisher.change(async (resources) => {
        if ((await resources.read(kind.table, id)) === undefined) throw notFound();
        const row = { ...draft, id } as unknown as Rows[Name];
        await save(row, resources);
        const updated = await resources.update(kind.table, row, now());
        if (updated === undefined) throw notFound();
        return updated;
      });
    },
    remove(id = ''): Promise<Record<string, never>> {
      return publisher.change(async (resources) => {
        if ((await resources.read(kind.table, id)) === undefined) throw notFound();
        await kind.beforeRemove(id, resources);
        await resources.remove(kind.table, { id });
        return {};
      });
    },
  };
}

type ListCall = { readonly page: number; readonly size: number; readonly keyword?: string | undefined };

function queryOf({ page, size, keyword, ...filters }: ListCall) {
  const where = Object.fromEntries(
    Object.entries(filters)
      .filter(([, value]) => value !== undefined)
      .map(([field, value]) => [field, typeof value === 'boolean' ? Number(value) : value]),
  );
  return { page, size, keyword, where };
}

function paged<Name extends TableName>({ items, total }: Page<Name>, { page, size }: ListCall) {
  return { items: [...items], total, page, size, pages: Math.ceil(total / size) };
}

function withoutHash({ secretHash: _, ...key }: Row<'virtual_key'>) {
  return key;
}

async function exists(resources: Resources, table: TableName, path: string, id: string): Promise<readonly Fault[]> {
  const row = await resources.read(table, id);
  return row === undefined ? [{ path, message: `There is no ${table.replace('_', ' ')} "${id}".` }] : [];
}

/** @throws Refusal 409 when another row has the same value */
async function unique<Name extends TableName>(
  resources: Resources,
  table: Name,
  field: keyof Rows[Name] & string,
  row: Rows[Name],
): Promise<readonly Fault[]> {
  const { items } = await resources.list(table, { page: 1, size: 2, where: { [field]: row[field] } });
  if (items.every(({ id }) => id === row.id)) return [];
  const message = `There already is a ${table} with ${field} "${String(row[field])}".`;
  throw new Refusal(409, message, [{ path: field, message }]);
}

/** @throws Refusal 409 naming the users */
function refuseWhenUsed(users: readonly string[]): void {
  if (users.length === 0) return;
  throw new Refusal(409, `It is in use by ${users.slice(0, 20).join(', ')}.`, [
    { path: '', message: `used by ${users.length}` },
  ]);
}
