import { type AdministratorRole, administratorRole } from '@ai-gateway/contracts';

/** What a value of the role claim makes of its bearer. */
export interface OidcGrant {
  readonly role: AdministratorRole;
  /** Of a `tenant_admin`. */
  readonly tenantId?: string;
}

/** From the role that may most to the one that may least. */
const RANKS = administratorRole.options;

/**
 * `admins=superadmin,acme=tenant_admin:ten_1` as grants by value of the claim.
 * @throws Error that names the part that is wrong
 */
export function parseOidcRoles(text: string): ReadonlyMap<string, OidcGrant> {
  const parts = text.split(',').filter((part) => part.trim() !== '');
  return new Map(
    parts.map((part) => {
      const [, value = '', name = '', tenantId] = /^\s*(.+)=(\w+)(?::(\S+))?\s*$/.exec(part) ?? [];
      const role = administratorRole.safeParse(name);
      const isTenantAdmin = role.data === 'tenant_admin';
      if (!role.success || isTenantAdmin !== (tenantId !== undefined))
        throw new Error(
          `OIDC_ROLES: "${part.trim()}" is not <value>=<role>, or <value>=tenant_admin:<id of the tenant>`,
        );
      return [value.trim(), { role: role.data, ...(tenantId !== undefined && { tenantId }) }];
    }),
  );
}

/** The grant of a claim, a text or a list of texts; of several, the role that may most. */
export function grantOf(claim: unknown, grants: ReadonlyMap<string, OidcGrant>): OidcGrant | undefined {
  const values = Array.isArray(claim) ? claim : [claim];
  const found = values.map((value) => grants.get(String(value))).filter((grant) => grant !== undefined);
  return found.toSorted((left, right) => RANKS.indexOf(left.role) - RANKS.indexOf(right.role))[0];
}
