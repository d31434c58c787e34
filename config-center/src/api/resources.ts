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
import { handleCrud } from './handle.ts';
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

/** Registers the resources that have no routes but those of every resource. */
export function resourceRoutes(app: Express, options: ResourceOptions): void {
  const { authorize } = options;
  handleCrud(app, ADMIN_API.namespaces, authorize, operations(kinds.namespaces, options));
  handleCrud(app, ADMIN_API.matchers, authorize, operations(kinds.matchers, options));
  handleCrud(app, ADMIN_API.policies, authorize, operations(kinds.policies, options));
  handleCrud(app, ADMIN_API.providers, authorize, operations(kinds.providers, options));
  handleCrud(app, ADMIN_API.upstreams, authorize, operations(kinds.upstreams, options));
  handleCrud(app, ADMIN_API.customerTypes, authorize, operations(kinds.customerTypes, options));
  handleCrud(app, ADMIN_API.tenants, authorize, operations(kinds.tenants, options));
  handleCrud(app, ADMIN_API.prices, authorize, operations(kinds.prices, options));
  handleCrud(app, ADMIN_API.rates, authorize, operations(kinds.rates, options));
  handleCrud(app, ADMIN_API.layeredLimits, authorize, operations(kinds.layeredLimits, options));
  handleCrud(app, ADMIN_API.models, authorize, operations(kinds.models, options));
  handleCrud(app, ADMIN_API.redirects, authorize, operations(kinds.redirects, options));
  handleCrud(app, ADMIN_API.fallbacks, authorize, operations(kinds.fallbacks, options));
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

/** The reads and writes of a kind; every write makes a revision in the same transaction. */
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
    list: ({ query, response }: Caller & { readonly query: ListCall }) => listed(store, kind.table, query, response),
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
