import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, RequestHandler, Response } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import { audited, withoutSecrets } from '../db/audited.ts';
import { newId, type Page, type Resources, type Store } from '../db/store.ts';
import type { Row, Rows, TableName } from '../db/tables.ts';
import { Refusal } from '../domain/faults.ts';
import type { Publisher } from '../publish/publisher.ts';
import { handle } from './handle.ts';
import type { Kind } from './kind.ts';
import * as kinds from './kinds.ts';

export interface ResourceOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly authorize: RequestHandler;
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
}

/** The writes and the single read of a kind; every write makes a revision in the same transaction. */
export function operations<Name extends TableName>(kind: Kind<Name>, { store, publisher, now }: ResourceOptions) {
  const notFound = () => new Refusal(404, `There is no such ${kind.name}.`);

  async function save(row: Rows[Name], resources: Resources): Promise<void> {
    const faults = await kind.check(row, resources);
    if (faults.length > 0) throw new Refusal(400, `The ${kind.name} is not valid.`, faults);
  }

  /** Runs a change whose writes are told to the audit log. */
  function change<T>({ response }: Caller, work: (resources: Resources) => Promise<T>): Promise<T> {
    const { administrator } = sessionFor(response);
    return publisher.change((resources) => work(audited(resources, administrator, now())));
  }

  /** Replaces a row by what `merge` makes of the draft and of the row as it is now: what a draft cannot set stays. */
  function replace<Body extends { readonly version?: number | undefined }>(
    { params, body, ...caller }: OneCall & { readonly body: Body },
    merge: (draft: Omit<Body, 'version'>, current: Rows[Name]) => Rows[Name],
  ): Promise<Row<Name>> {
    const { version, ...draft } = body;
    return change(caller, async (resources) => {
      const current = await resources.read(kind.table, params.id ?? '');
      if (current === undefined) throw notFound();
      refuseOutdated(version, current);
      const row = merge(draft, current);
      await save(row, resources);
      const updated = await resources.update(kind.table, row, now());
      if (updated === undefined) throw notFound();
      return updated;
    });
  }

  return {
    /**
     * Changes some fields of the row as it is now; one that `edit` gives back as it was is left alone.
     * @throws Refusal 404, and whatever `edit` throws
     */
    edit({ params, ...caller }: OneCall, edit: (current: Rows[Name]) => Rows[Name]): Promise<Row<Name>> {
      return change(caller, async (resources) => {
        const found = await resources.read(kind.table, params.id ?? '');
        if (found === undefined) throw notFound();
        const edited = edit(found);
        if (edited === found) return found;
        await save(edited, resources);
        const updated = await resources.update(kind.table, edited, now());
        if (updated === undefined) throw notFound();
        return updated;
      });
    },
    create({ body, ...caller }: Caller & { readonly body: Draft<Name> }): Promise<Row<Name>> {
      return change(caller, async (resources) => {
        const row = { ...body, id: newId(kind.prefix) } as unknown as Rows[Name];
        await save(row, resources);
        return resources.insert(kind.table, row, now());
      });
    },
    async read(id = ''): Promise<Row<Name>> {
      const row = await store.read(kind.table, id);
      if (row === undefined) throw notFound();
      return row;
    },
    update: (call: OneCall & { readonly body: Replacement<Name> }): Promise<Row<Name>> =>
      replace(call, (draft, { id }) => ({ ...draft, id }) as unknown as Rows[Name]),
    replace,
    remove({ params, ...caller }: OneCall): Promise<Record<string, never>> {
      const id = params.id ?? '';
      return change(caller, async (resources) => {
        if ((await resources.read(kind.table, id)) === undefined) throw notFound();
        await kind.beforeRemove(id, resources);
        await resources.remove(kind.table, { id });
        return {};
      });
    },
  };
}

type Caller = { readonly response: Response };
type OneCall = Caller & { readonly params: Readonly<Record<string, string>> };
type Draft<Name extends TableName> = Omit<Rows[Name], 'id'>;
type Replacement<Name extends TableName> = Draft<Name> & { readonly version?: number | undefined };

/** @throws Refusal 409 with the row as it is now, when it is not the version that the caller has seen */
function refuseOutdated(version: number | undefined, current: Row<TableName>): void {
  if (version === undefined || version === current.version) return;
  const message = `It has been changed meanwhile: version ${current.version}, not ${version}.`;
  throw new Refusal(409, message, [{ path: 'version', message }], { current: { ...withoutSecrets(current) } });
}

type ListCall = { readonly page: number; readonly size: number; readonly keyword?: string | undefined };

/** A list call as a query of rows. */
export function queryOf({ page, size, keyword, ...filters }: ListCall) {
  const where = Object.fromEntries(
    Object.entries(filters)
      .filter(([, value]) => value !== undefined)
      .map(([field, value]) => [field, typeof value === 'boolean' ? Number(value) : value]),
  );
  return { page, size, keyword, where };
}

/** A page of rows as it is answered. */
export function paged<Name extends TableName>({ items, total }: Page<Name>, { page, size }: ListCall) {
  return { items: [...items], total, page, size, pages: Math.ceil(total / size) };
}
