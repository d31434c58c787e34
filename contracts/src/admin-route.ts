import type { z } from 'zod';
import type { AdministratorRole } from './administrator.ts';

/**
 * Who may call a route. `public`: anybody. Else the roles that may; where `tenant_admin` is among them, rows are narrowed
 * to those of its tenant.
 */
export type Access = 'public' | readonly AdministratorRole[];

/** Every administrator, for what concerns nobody but the caller. */
export const EVERYONE: Access = ['superadmin', 'operator', 'viewer', 'tenant_admin'];
/** Those who see the whole installation. */
export const READERS: Access = ['superadmin', 'operator', 'viewer'];
/** Those who change rules. */
export const WRITERS: Access = ['superadmin', 'operator'];
/** Those who change rules, and tenants in what is theirs. */
export const TENANT_WRITERS: Access = ['superadmin', 'operator', 'tenant_admin'];
/** Those who decide who else may do what. */
export const SUPERADMINS: Access = ['superadmin'];

/** One route of the config center: the server registers it, `openapi.json` and the dashboard's client are made from it. */
export interface AdminRoute {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Path below `/api/v2`, parameters as `:name`. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Shape of `data` in the envelope. */
  readonly response: z.ZodType;
  readonly status?: 200 | 201;
  /** Every route says who may call it; there is no default. */
  readonly access: Access;
}
