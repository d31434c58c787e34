import { createHmac, randomBytes } from 'node:crypto';
import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, RequestHandler, Response } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import { audited, withoutSecrets } from '../db/audited.ts';
import { newId, type Resources, type Store } from '../db/store.ts';
import type { Row, Rows, TableName } from '../db/tables.ts';
import { scopedTo } from '../db/tenant-scope.ts';
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
  const list = <Name extends TableName>(table: Name, { query, response }: Caller & { readonly query: ListCall }) =>
    listed(store, table, query, response);

  const { namespaces, matchers, policies, providers, upstreams, customerTypes, tenants, prices, layeredLimits } = kinds;

  const ofNamespaces = operations(namespaces, options);
  handle(app, ADMIN_API.namespaces.list, authorize, (call) => list('namespace', call));
  handle(app, ADMIN_API.namespaces.create, authorize, ofNamespaces.create);
  handle(app, ADMIN_API.namespaces.read, authorize, ofNamespaces.read);
  handle(app, ADMIN_API.namespaces.update, authorize, ofNamespaces.update);
  handle(app, ADMIN_API.namespaces.remove, authorize, ofNamespaces.remove);

  const ofMatchers = operations(matchers, options);
  handle(app, ADMIN_API.matchers.list, authorize, (call) => list('matcher', call));
  handle(app, ADMIN_API.matchers.create, authorize, ofMatchers.create);
  handle(app, ADMIN_API.matchers.read, authorize, ofMatchers.read);
  handle(app, ADMIN_API.matchers.update, authorize, ofMatchers.update);
  handle(app, ADMIN_API.matchers.remove, authorize, ofMatchers.remove);

  const ofPolicies = operations(policies, options);
  handle(app, ADMIN_API.policies.list, authorize, (call) => list('policy', call));
  handle(app, ADMIN_API.policies.create, authorize, ofPolicies.create);
  handle(app, ADMIN_API.policies.read, authorize, ofPolicies.read);
  handle(app, ADMIN_API.policies.update, authorize, ofPolicies.update);
  handle(app, ADMIN_API.policies.remove, authorize, ofPolicies.remove);

  const ofProviders = operations(providers, options);
  handle(app, ADMIN_API.providers.list, authorize, (call) => list('provider', call));
  handle(app, ADMIN_API.providers.create, authorize, ofProviders.create);
  handle(app, ADMIN_API.providers.read, authorize, ofProviders.read);
  handle(app, ADMIN_API.providers.update, authorize, ofProviders.update);
  handle(app, ADMIN_API.providers.remove, authorize, ofProviders.remove);

  const ofUpstreams = operations(upstreams, options);
  handle(app, ADMIN_API.upstreams.list, authorize, (call) => list('upstream', call));
  handle(app, ADMIN_API.upstreams.create, authorize, ofUpstreams.create);
  handle(app, ADMIN_API.upstreams.read, authorize, ofUpstreams.read);
  handle(app, ADMIN_API.upstreams.update, authorize, ofUpstreams.update);
  handle(app, ADMIN_API.upstreams.remove, authorize, ofUpstreams.remove);

  const ofCustomerTypes = operations(customerTypes, options);
  handle(app, ADMIN_API.customerTypes.list, authorize, (call) => list('customer_type', call));
  handle(app, ADMIN_API.customerTypes.create, authorize, ofCustomerTypes.create);
  handle(app, ADMIN_API.customerTypes.read, authorize, ofCustomerTypes.read);
  handle(app, ADMIN_API.customerTypes.update, authorize, ofCustomerTypes.update);
  handle(app, ADMIN_API.customerTypes.remove, authorize, ofCustomerTypes.remove);

  const ofTenants = operations(tenants, options);
  handle(app, ADMIN_API.tenants.list, authorize, (call) => list('tenant', call));
  handle(app, ADMIN_API.tenants.create, authorize, ofTenants.create);
  handle(app, ADMIN_API.tenants.read, authorize, ofTenants.read);
  handle(app, ADMIN_API.tenants.update, authorize, ofTenants.update);
  handle(app, ADMIN_API.tenants.remove, authorize, ofTenants.remove);

  const ofPrices = operations(prices, options);
  handle(app, ADMIN_API.prices.list, authorize, (call) => list('price', call));
  handle(app, ADMIN_API.prices.create, authorize, ofPrices.create);
  handle(app, ADMIN_API.prices.read, authorize, ofPrices.read);
  handle(app, ADMIN_API.prices.update, authorize, ofPrices.update);
  handle(app, ADMIN_API.prices.remove, authorize, ofPrices.remove);

  const ofLayeredLimits = operations(layeredLimits, options);
  handle(app, ADMIN_API.layeredLimits.list, authorize, (call) => list('layered_limit', call));
  handle(app, ADMIN_API.layeredLimits.create, authorize, ofLayeredLimits.create);
  handle(app, ADMIN_API.layeredLimits.read, authorize, ofLayeredLimits.read);
  handle(app, ADMIN_API.layeredLimits.update, authorize, ofLayeredLimits.update);
  handle(app, ADMIN_API.layeredLimits.remove, authorize, ofLayeredLimits.remove);

  fallbackRoutes(app, options);
  virtualKeyRoutes(app, options);
}

function fallbackRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize } = options;
  const ofFallbacks = operations(kinds.fallbacks, options);
  handle(app, ADMIN_API.fallbacks.list, authorize, ({ query, response }) => listed(store, 'fallback', query, response));
  handle(app, ADMIN_API.fallbacks.create, authorize, ofFallbacks.create);
  handle(app, ADMIN_API.fallbacks.read, authorize, ofFallbacks.read);
  handle(app, ADMIN_API.fallbacks.update, authorize, ofFallbacks.update);
  handle(app, ADMIN_API.fallbacks.remove, authorize, ofFallbacks.remove);
}

function virtualKeyRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize, keyPepper } = options;
  const ofKeys = operations(kinds.virtualKeys, options);
  handle(app, ADMIN_API.virtualKeys.list, authorize, async ({ query, response }) => {
    const page = await listed(store, 'virtual_key', query, response);
    return { ...page, items: page.items.map(withoutSecrets) };
  });
  handle(app, ADMIN_API.virtualKeys.create, authorize, async ({ body, ...call }) => {
    const secret = `vk_${randomBytes(32).toString('base64url')}`;
    const secretHash = createHmac('sha256', keyPepper).update(secret).digest('hex');
    const prefix = secret.slice(0, 9);
    return { ...withoutSecrets(await ofKeys.add(call, (id) => ({ ...body, id, prefix, secretHash }))), secret };
  });
  handle(app, ADMIN_API.virtualKeys.read, authorize, async (call) => withoutSecrets(await ofKeys.read(call)));
  handle(app, ADMIN_API.virtualKeys.update, authorize, async (call) => withoutSecrets(await ofKeys.update(call)));
  handle(app, ADMIN_API.virtualKeys.remove, authorize, ofKeys.remove);
}

/** The writes and the single read of a kind; every write makes a revision in the same transaction. */
export function operations<Name extends TableName>(kind: kinds.Kind<Name>, { store, publisher, now }: ResourceOptions) {
  const notFound = () => new Refusal(404, `There is no such ${kind.name}.`);

  async function save(row: Rows[Name], resources: Resources): Promise<void> {
    const faults = await kind.check(row, resources);
    if (faults.length > 0) throw new Refusal(400, `The ${kind.name} is not valid.`, faults);
  }

  /** Runs a change of the rows that the caller sees; its writes are told to the audit log. */
  function change<T>({ response }: Caller, work: (rows: Resources, all: Resources) => Promise<T>): Promise<T> {
    const { administrator, tenantId } = sessionFor(response);
    return publisher.change((resources) => {
      const all = audited(resources, administrator, now());
      return work(scopedTo(tenantId, all), all);
    }, administrator);
  }

  /** Makes a row of the id that it is given. */
  function add(caller: Caller, make: (id: string) => Rows[Name]): Promise<Row<Name>> {
    return change(caller, async (rows, all) => {
      const row = make(newId(kind.prefix));
      await save(row, all);
      return rows.insert(kind.table, row, now());
    });
  }

  /** Writes what `revise` makes of the row as it is when its turn has come. */
  function amend({ params, ...caller }: OneCall, revise: (current: Row<Name>) => Rows[Name]): Promise<Row<Name>> {
    return change(caller, async (rows, all) => {
      const current = await rows.read(kind.table, params.id ?? '');
      if (current === undefined) throw notFound();
      const row = revise(current);
      await save(row, all);
      const updated = await rows.update(kind.table, row, now());
      if (updated === undefined) throw notFound();
      return updated;
    });
  }

  return {
    add,
    amend,
    create: ({ body, ...caller }: Caller & { readonly body: Draft<Name> }): Promise<Row<Name>> =>
      add(caller, (id) => ({ ...body, id }) as unknown as Rows[Name]),
    async read({ params, response }: OneCall): Promise<Row<Name>> {
      const row = await scopedTo(sessionFor(response).tenantId, store).read(kind.table, params.id ?? '');
      if (row === undefined) throw notFound();
      return row;
    },
    update({ body, ...call }: OneCall & { readonly body: Replacement<Name> }): Promise<Row<Name>> {
      const { version, ...draft } = body;
      return amend(call, (current) => {
        refuseOutdated(version, current);
        const kept = Object.fromEntries((kind.kept ?? []).map((field) => [field, current[field]]));
        return { ...draft, ...kept, id: current.id } as unknown as Rows[Name];
      });
    },
    remove({ params, ...caller }: OneCall): Promise<Record<string, never>> {
      const id = params.id ?? '';
      return change(caller, async (rows, all) => {
        if ((await rows.read(kind.table, id)) === undefined) throw notFound();
        await kind.beforeRemove(id, all);
        await rows.remove(kind.table, { id });
        return {};
      });
    },
  };
}

type Caller = { readonly response: Response };
type OneCall = Caller & { readonly params: Readonly<Record<string, string>> };
type Draft<Name extends TableName> = Omit<Rows[Name], 'id'>;
/** Without the fields that the kind keeps. */
type Replacement<Name extends TableName> = Partial<Draft<Name>> & { readonly version?: number | undefined };

/** @throws Refusal 409 with the row as it is now, when it is not the version that the caller has seen */
function refuseOutdated(version: number | undefined, current: Row<TableName>): void {
  if (version === undefined || version === current.version) return;
  const message = `It has been changed meanwhile: version ${current.version}, not ${version}.`;
  throw new Refusal(409, message, [{ path: 'version', message }], { current: { ...withoutSecrets(current) } });
}

type ListCall = {
  readonly page: number;
  readonly size: number;
  readonly cursor?: string | undefined;
  readonly keyword?: string | undefined;
};

/** The filters of a list, as the store takes them. */
export function queryOf({ page, size, cursor, keyword, ...filters }: ListCall) {
  const where = Object.fromEntries(
    Object.entries(filters)
      .filter(([, value]) => value !== undefined)
      .map(([field, value]) => [field, typeof value === 'boolean' ? Number(value) : value]),
  );
  return { page, size, cursor, keyword, where };
}

/** A page of the rows that the caller sees, as it is answered. */
export async function listed<Name extends TableName>(store: Store, table: Name, query: ListCall, response: Response) {
  const { items, total, next } = await scopedTo(sessionFor(response).tenantId, store).list(table, queryOf(query));
  const { page, size } = query;
  return { items: [...items], total, page, size, pages: Math.ceil(total / size), next };
}
