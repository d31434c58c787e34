import { createHmac, randomBytes } from 'node:crypto';
import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import { newId, type Page, type Resources, type Store } from '../db/store.ts';
import type { Row, Rows, TableName } from '../db/tables.ts';
import { Refusal } from '../domain/faults.ts';
import type { Publisher } from '../publish/publisher.ts';
import { handle } from './handle.ts';
import * as kinds from './kinds.ts';

export interface ResourceOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly authorize: RequestHandler;
  readonly keyPepper: string;
  readonly now: () => string;
}

/** Registers create, read, list, replace and delete of every resource. */
export function resourceRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize } = options;
  const list = async <Name extends TableName>(table: Name, query: ListCall) =>
    paged(await store.list(table, queryOf(query)), query);

  const { namespaces, matchers, policies, providers, upstreams, customerTypes, tenants, prices, layeredLimits } = kinds;

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

  const ofCustomerTypes = operations(customerTypes, options);
  handle(app, ADMIN_API.customerTypes.list, authorize, ({ query }) => list('customer_type', query));
  handle(app, ADMIN_API.customerTypes.create, authorize, ({ body }) => ofCustomerTypes.create(body));
  handle(app, ADMIN_API.customerTypes.read, authorize, ({ params }) => ofCustomerTypes.read(params.id));
  handle(app, ADMIN_API.customerTypes.update, authorize, ({ params, body }) => ofCustomerTypes.update(params.id, body));
  handle(app, ADMIN_API.customerTypes.remove, authorize, ({ params }) => ofCustomerTypes.remove(params.id));

  const ofTenants = operations(tenants, options);
  handle(app, ADMIN_API.tenants.list, authorize, ({ query }) => list('tenant', query));
  handle(app, ADMIN_API.tenants.create, authorize, ({ body }) => ofTenants.create(body));
  handle(app, ADMIN_API.tenants.read, authorize, ({ params }) => ofTenants.read(params.id));
  handle(app, ADMIN_API.tenants.update, authorize, ({ params, body }) => ofTenants.update(params.id, body));
  handle(app, ADMIN_API.tenants.remove, authorize, ({ params }) => ofTenants.remove(params.id));

  const ofPrices = operations(prices, options);
  handle(app, ADMIN_API.prices.list, authorize, ({ query }) => list('price', query));
  handle(app, ADMIN_API.prices.create, authorize, ({ body }) => ofPrices.create(body));
  handle(app, ADMIN_API.prices.read, authorize, ({ params }) => ofPrices.read(params.id));
  handle(app, ADMIN_API.prices.update, authorize, ({ params, body }) => ofPrices.update(params.id, body));
  handle(app, ADMIN_API.prices.remove, authorize, ({ params }) => ofPrices.remove(params.id));

  const ofLayeredLimits = operations(layeredLimits, options);
  handle(app, ADMIN_API.layeredLimits.list, authorize, ({ query }) => list('layered_limit', query));
  handle(app, ADMIN_API.layeredLimits.create, authorize, ({ body }) => ofLayeredLimits.create(body));
  handle(app, ADMIN_API.layeredLimits.read, authorize, ({ params }) => ofLayeredLimits.read(params.id));
  handle(app, ADMIN_API.layeredLimits.update, authorize, ({ params, body }) => ofLayeredLimits.update(params.id, body));
  handle(app, ADMIN_API.layeredLimits.remove, authorize, ({ params }) => ofLayeredLimits.remove(params.id));

  virtualKeyRoutes(app, options);
}

function virtualKeyRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize, keyPepper } = options;
  const ofKeys = operations(kinds.virtualKeys, options);
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
function operations<Name extends TableName>(kind: kinds.Kind<Name>, { store, publisher, now }: ResourceOptions) {
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
