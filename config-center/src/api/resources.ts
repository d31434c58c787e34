import { createHmac, randomBytes } from 'node:crypto';
import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, RequestHandler, Response } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import { audited, withoutSecrets } from '../db/audited.ts';
import type { Page, Resources, Store } from '../db/store.ts';
import type { Row, TableName } from '../db/tables.ts';
import type { Publisher } from '../publish/publisher.ts';
import { handle } from './handle.ts';
import * as kinds from './kinds.ts';
import { type Draft, notFound, type Replacement, writesOf } from './writes.ts';

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
  handle(app, ADMIN_API.namespaces.create, authorize, ofNamespaces.create);
  handle(app, ADMIN_API.namespaces.read, authorize, ({ params }) => ofNamespaces.read(params.id));
  handle(app, ADMIN_API.namespaces.update, authorize, ofNamespaces.update);
  handle(app, ADMIN_API.namespaces.remove, authorize, ofNamespaces.remove);

  const ofMatchers = operations(matchers, options);
  handle(app, ADMIN_API.matchers.list, authorize, ({ query }) => list('matcher', query));
  handle(app, ADMIN_API.matchers.create, authorize, ofMatchers.create);
  handle(app, ADMIN_API.matchers.read, authorize, ({ params }) => ofMatchers.read(params.id));
  handle(app, ADMIN_API.matchers.update, authorize, ofMatchers.update);
  handle(app, ADMIN_API.matchers.remove, authorize, ofMatchers.remove);

  const ofPolicies = operations(policies, options);
  handle(app, ADMIN_API.policies.list, authorize, ({ query }) => list('policy', query));
  handle(app, ADMIN_API.policies.create, authorize, ofPolicies.create);
  handle(app, ADMIN_API.policies.read, authorize, ({ params }) => ofPolicies.read(params.id));
  handle(app, ADMIN_API.policies.update, authorize, ofPolicies.update);
  handle(app, ADMIN_API.policies.remove, authorize, ofPolicies.remove);

  const ofProviders = operations(providers, options);
  handle(app, ADMIN_API.providers.list, authorize, ({ query }) => list('provider', query));
  handle(app, ADMIN_API.providers.create, authorize, ofProviders.create);
  handle(app, ADMIN_API.providers.read, authorize, ({ params }) => ofProviders.read(params.id));
  handle(app, ADMIN_API.providers.update, authorize, ofProviders.update);
  handle(app, ADMIN_API.providers.remove, authorize, ofProviders.remove);

  const ofUpstreams = operations(upstreams, options);
  handle(app, ADMIN_API.upstreams.list, authorize, ({ query }) => list('upstream', query));
  handle(app, ADMIN_API.upstreams.create, authorize, ofUpstreams.create);
  handle(app, ADMIN_API.upstreams.read, authorize, ({ params }) => ofUpstreams.read(params.id));
  handle(app, ADMIN_API.upstreams.update, authorize, ofUpstreams.update);
  handle(app, ADMIN_API.upstreams.remove, authorize, ofUpstreams.remove);

  const ofCustomerTypes = operations(customerTypes, options);
  handle(app, ADMIN_API.customerTypes.list, authorize, ({ query }) => list('customer_type', query));
  handle(app, ADMIN_API.customerTypes.create, authorize, ofCustomerTypes.create);
  handle(app, ADMIN_API.customerTypes.read, authorize, ({ params }) => ofCustomerTypes.read(params.id));
  handle(app, ADMIN_API.customerTypes.update, authorize, ofCustomerTypes.update);
  handle(app, ADMIN_API.customerTypes.remove, authorize, ofCustomerTypes.remove);

  const ofTenants = operations(tenants, options);
  handle(app, ADMIN_API.tenants.list, authorize, ({ query }) => list('tenant', query));
  handle(app, ADMIN_API.tenants.create, authorize, ofTenants.create);
  handle(app, ADMIN_API.tenants.read, authorize, ({ params }) => ofTenants.read(params.id));
  handle(app, ADMIN_API.tenants.update, authorize, ofTenants.update);
  handle(app, ADMIN_API.tenants.remove, authorize, ofTenants.remove);

  const ofPrices = operations(prices, options);
  handle(app, ADMIN_API.prices.list, authorize, ({ query }) => list('price', query));
  handle(app, ADMIN_API.prices.create, authorize, ofPrices.create);
  handle(app, ADMIN_API.prices.read, authorize, ({ params }) => ofPrices.read(params.id));
  handle(app, ADMIN_API.prices.update, authorize, ofPrices.update);
  handle(app, ADMIN_API.prices.remove, authorize, ofPrices.remove);

  const ofLayeredLimits = operations(layeredLimits, options);
  handle(app, ADMIN_API.layeredLimits.list, authorize, ({ query }) => list('layered_limit', query));
  handle(app, ADMIN_API.layeredLimits.create, authorize, ofLayeredLimits.create);
  handle(app, ADMIN_API.layeredLimits.read, authorize, ({ params }) => ofLayeredLimits.read(params.id));
  handle(app, ADMIN_API.layeredLimits.update, authorize, ofLayeredLimits.update);
  handle(app, ADMIN_API.layeredLimits.remove, authorize, ofLayeredLimits.remove);

  virtualKeyRoutes(app, options);
}

function virtualKeyRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize, keyPepper } = options;
  const ofKeys = operations(kinds.virtualKeys, options);
  handle(app, ADMIN_API.virtualKeys.list, authorize, async ({ query }) => {
    const page = paged(await store.list('virtual_key', queryOf(query)), query);
    return { ...page, items: page.items.map(withoutSecrets) };
  });
  handle(app, ADMIN_API.virtualKeys.create, authorize, async ({ body, ...call }) => {
    const secret = `vk_${randomBytes(32).toString('base64url')}`;
    const secretHash = createHmac('sha256', keyPepper).update(secret).digest('hex');
    return {
      ...withoutSecrets(await ofKeys.create({ ...call, body: { ...body, prefix: secret.slice(0, 9), secretHash } })),
      secret,
    };
  });
  handle(app, ADMIN_API.virtualKeys.read, authorize, async ({ params }) =>
    withoutSecrets(await ofKeys.read(params.id)),
  );
  handle(app, ADMIN_API.virtualKeys.update, authorize, async ({ body, ...call }) => {
    const { prefix, secretHash } = await ofKeys.read(call.params.id);
    return withoutSecrets(await ofKeys.update({ ...call, body: { ...body, prefix, secretHash } }));
  });
  handle(app, ADMIN_API.virtualKeys.remove, authorize, ofKeys.remove);
}

/** The writes and the single read of a kind; every write makes a revision in the same transaction. */
function operations<Name extends TableName>(kind: kinds.Kind<Name>, { store, publisher, now }: ResourceOptions) {
  const writes = writesOf(kind, now);

  /** Runs a change whose writes are told to the audit log. */
  function change<T>({ response }: Caller, work: (resources: Resources) => Promise<T>): Promise<T> {
    const { administrator } = sessionFor(response);
    return publisher.change((resources) => work(audited(resources, administrator, now())));
  }

  return {
    create({ body, ...caller }: Caller & { readonly body: Draft<Name> }): Promise<Row<Name>> {
      return change(caller, (resources) => writes.create(body, resources));
    },
    async read(id = ''): Promise<Row<Name>> {
      const row = await store.read(kind.table, id);
      if (row === undefined) throw notFound(kind);
      return row;
    },
    update({ params, body, ...caller }: OneCall & { readonly body: Replacement<Name> }): Promise<Row<Name>> {
      return change(caller, (resources) => writes.update(params.id ?? '', body, resources));
    },
    async remove({ params, ...caller }: OneCall): Promise<Record<string, never>> {
      await change(caller, (resources) => writes.remove(params.id ?? '', resources));
      return {};
    },
  };
}

type Caller = { readonly response: Response };
type OneCall = Caller & { readonly params: Readonly<Record<string, string>> };
type ListCall = {
  readonly page: number;
  readonly size: number;
  readonly cursor?: string | undefined;
  readonly keyword?: string | undefined;
};

function queryOf({ page, size, cursor, keyword, ...filters }: ListCall) {
  const where = Object.fromEntries(
    Object.entries(filters)
      .filter(([, value]) => value !== undefined)
      .map(([field, value]) => [field, typeof value === 'boolean' ? Number(value) : value]),
  );
  return { page, size, cursor, keyword, where };
}

function paged<Name extends TableName>({ items, total, next }: Page<Name>, { page, size }: ListCall) {
  return { items: [...items], total, page, size, pages: Math.ceil(total / size), next };
}
