import { expect, it } from 'vitest';
import { grantOf, parseOidcRoles } from './oidc-role.ts';

const GRANTS = parseOidcRoles('admins=superadmin, ops team=operator,acme=tenant_admin:ten_1,a=b=viewer');

it('reads a mapping, also of values with blanks and equal signs', () => {
  expect([...GRANTS]).toEqual([
    ['admins', { role: 'superadmin' }],
    ['ops team', { role: 'operator' }],
    ['acme', { role: 'tenant_admin', tenantId: 'ten_1' }],
    ['a=b', { role: 'viewer' }],
  ]);
  expect(parseOidcRoles('').size).toBe(0);
});

it.each(['admins', 'admins=root', 'acme=tenant_admin', 'ops=operator:ten_1', '=viewer'])('refuses %s', (text) => {
  expect(() => parseOidcRoles(text)).toThrow('OIDC_ROLES');
});

it('takes the role that may most, and none for unknown values', () => {
  expect(grantOf(['a=b', 'admins', 'ops team'], GRANTS)).toEqual({ role: 'superadmin' });
  expect(grantOf('ops team', GRANTS)).toEqual({ role: 'operator' });
  expect(grantOf(['guests', 7, null], GRANTS)).toBeUndefined();
  expect(grantOf(undefined, GRANTS)).toBeUndefined();
});
