import { ADMIN_API, type LintFinding } from '@ai-gateway/contracts';
import type { Express, Request, RequestHandler, Response } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import { audited } from '../db/audited.ts';
import type { Connection } from '../db/connection.ts';
import type { Store } from '../db/store.ts';
import type { Row, Rows, TableName } from '../db/tables.ts';
import { scopedTo } from '../db/tenant-scope.ts';
import { Refusal } from '../domain/faults.ts';
import { changeFindings, type WrittenChange } from '../domain/lint/lint.ts';
import type { Publisher } from '../publish/publisher.ts';
import { handle } from './handle.ts';
import type { Kind } from './kind.ts';
import * as kinds from './kinds.ts';
import { policyTestsFor, type Writer } from './tested-call.ts';
import { type Draft, notFound, type Reach, type Replacement, writesOf } from './writes.ts';

export interface ResourceOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly authorize: RequestHandler;
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
}

/**
 * Runs changes of the rows that the caller sees; their writes are told to the audit log. The answer says what lint finds
 * about a change, except to a tenant, who does not see the rules of others.
 */
export function changesOf({ publisher, now }: Pick<ResourceOptions, 'publisher' | 'now'>) {
  return async <T extends object>(
    caller: Writer,
    work: (reach: Reach, connection: Connection) => Promise<T>,
  ): Promise<Warned<T>> => {
    const { administrator, tenantId } = sessionFor(caller.response);
    let made: WrittenChange | undefined;
    const done = await publisher.change(
      (resources, connection) => {
        const all = audited(resources, administrator, now());
        return work({ rows: scopedTo(tenantId, all), all }, connection);
      },
      administrator,
      policyTestsFor(caller),
      (written) => {
        made = written;
      },
    );
    const warnings = made === undefined || tenantId !== undefined ? [] : changeFindings(made);
    return warnings.length === 0 ? done : { ...done, warnings };
  };
}

/** The writes and the single read of a kind; every write makes a revision in the same transaction. */
export function operations<Name extends TableName>(kind: Kind<Name>, options: ResourceOptions) {
  const { store, now } = options;
  const writes = writesOf(kind, now);
  const change = changesOf(options);

  return {
    change,
    add: (caller: Writer, make: (id: string) => Rows[Name]): Promise<Warned<Row<Name>>> =>
      change(caller, (reach) => writes.add(make, reach)),
    amend: (
      { params, ...caller }: OneCall & Writer,
      revise: (current: Row<Name>) => Rows[Name],
    ): Promise<Warned<Row<Name>>> => change(caller, (reach) => writes.amend(params.id ?? '', revise, reach)),
    create: ({ body, ...caller }: Writer & { readonly body: Draft<Name> }): Promise<Warned<Row<Name>>> =>
      change(caller, (reach) => writes.create(body, reach)),
    async read({ params, response }: OneCall): Promise<Row<Name>> {
      const row = await scopedTo(sessionFor(response).tenantId, store).read(kind.table, params.id ?? '');
      if (row === undefined) throw notFound(kind);
      return row;
    },
    update: ({
      params,
      body,
      ...caller
    }: OneCall & Writer & { readonly body: Replacement<Name> }): Promise<Warned<Row<Name>>> => {
      const version = body.version ?? versionIn(caller.request);
      return change(caller, (reach) => writes.update(params.id ?? '', { ...body, version }, reach));
    },
    remove: ({ params, ...caller }: OneCall & Writer): Promise<Warned<object>> =>
      change(caller, async (reach) => {
        await writes.remove(params.id ?? '', reach);
        return {};
      }),
  };
}

/** An answer with what lint finds about the change, if it finds anything. */
type Warned<T> = T & { readonly warnings?: LintFinding[] };
type Caller = { readonly request: Request; readonly response: Response };
type OneCall = Caller & { readonly params: Readonly<Record<string, string>> };
type ListCall = {
  readonly page: number;
  readonly size: number;
  readonly cursor?: string | undefined;
  readonly keyword?: string | undefined;
};

/**
 * The version that `If-Match` names, as in `"3"`; `*` takes any.
 * @throws Refusal 400 when it names no version
 */
export function versionIn({ headers }: Request): number | undefined {
  const condition = headers['if-match'];
  if (condition === undefined || condition === '*') return undefined;
  const [, version] = /^(?:W\/)?"?(\d{1,9})"?$/.exec(condition) ?? [];
  if (version !== undefined) return Number(version);
  throw new Refusal(400, 'If-Match names a version of the row, such as "3".', [
    { path: 'if-match', message: 'It is no version.' },
  ]);
}

/** The filters of a list, as the store takes them. */
function queryOf({ page, size, cursor, keyword, ...filters }: ListCall) {
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
