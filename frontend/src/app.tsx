import { Spin } from 'antd';
import { lazy, Suspense } from 'react';
import { Navigate, Route, Routes, useLocation } from 'react-router';
import { RoleProvider } from './access.tsx';
import { useRead } from './api/queries.ts';
import { readSession } from './api/session.ts';
import { homeOf, Shell } from './shell.tsx';

const LoginPage = lazy(() =>
  import('./features/login/login-page.tsx').then(({ LoginPage: page }) => ({ default: page })),
);
const OidcPage = lazy(() => import('./features/login/oidc-page.tsx').then(({ OidcPage: page }) => ({ default: page })));
const NamespacesPage = lazy(() =>
  import('./features/namespaces/namespaces-page.tsx').then(({ NamespacesPage: page }) => ({ default: page })),
);
const NamespacePage = lazy(() =>
  import('./features/namespace/namespace-page.tsx').then(({ NamespacePage: page }) => ({ default: page })),
);
const ProvidersPage = lazy(() =>
  import('./features/providers/providers-page.tsx').then(({ ProvidersPage: page }) => ({ default: page })),
);
const ModelsPage = lazy(() =>
  import('./features/models/models-page.tsx').then(({ ModelsPage: page }) => ({ default: page })),
);
const LocationsPage = lazy(() =>
  import('./features/locations/locations-page.tsx').then(({ LocationsPage: page }) => ({ default: page })),
);
const UsersPage = lazy(() =>
  import('./features/users/users-page.tsx').then(({ UsersPage: page }) => ({ default: page })),
);
const VirtualKeysPage = lazy(() =>
  import('./features/virtual-keys/virtual-keys-page.tsx').then(({ VirtualKeysPage: page }) => ({ default: page })),
);
const AccountsPage = lazy(() =>
  import('./features/accounts/accounts-page.tsx').then(({ AccountsPage: page }) => ({ default: page })),
);
const PricesPage = lazy(() =>
  import('./features/prices/prices-page.tsx').then(({ PricesPage: page }) => ({ default: page })),
);
const RequestsPage = lazy(() =>
  import('./features/requests/requests-page.tsx').then(({ RequestsPage: page }) => ({ default: page })),
);
const UsagePage = lazy(() =>
  import('./features/usage/usage-page.tsx').then(({ UsagePage: page }) => ({ default: page })),
);
const SettingsPage = lazy(() =>
  import('./features/settings/settings-page.tsx').then(({ SettingsPage: page }) => ({ default: page })),
);
const ExplainPage = lazy(() =>
  import('./features/explain/explain-page.tsx').then(({ ExplainPage: page }) => ({ default: page })),
);
const GatewaysPage = lazy(() =>
  import('./features/gateways/gateways-page.tsx').then(({ GatewaysPage: page }) => ({ default: page })),
);
const RevisionsPage = lazy(() =>
  import('./features/revisions/revisions-page.tsx').then(({ RevisionsPage: page }) => ({ default: page })),
);
const PolicyTestsPage = lazy(() =>
  import('./features/policy-tests/policy-tests-page.tsx').then(({ PolicyTestsPage: page }) => ({ default: page })),
);
const LintPage = lazy(() => import('./features/lint/lint-page.tsx').then(({ LintPage: page }) => ({ default: page })));
const AuditPage = lazy(() =>
  import('./features/audit/audit-page.tsx').then(({ AuditPage: page }) => ({ default: page })),
);
const AdministratorsPage = lazy(() =>
  import('./features/administrators/administrators-page.tsx').then(({ AdministratorsPage: page }) => ({
    default: page,
  })),
);
const TokensPage = lazy(() =>
  import('./features/tokens/tokens-page.tsx').then(({ TokensPage: page }) => ({ default: page })),
);

/** The whole application: login, or the shell with its pages, one bundle per page. */
export function Dashboard() {
  return (
    <Suspense fallback={<Spin fullscreen />}>
      <Routes>
        <Route path="/login" element={<LoginPage />} />
        <Route path="/login/oidc" element={<OidcPage />} />
        <Route path="*" element={<LoggedIn />} />
      </Routes>
    </Suspense>
  );
}

function LoggedIn() {
  const location = useLocation();
  const session = useRead(['session'], readSession, 60_000);
  if (session.isPending) return <Spin fullscreen />;
  if (session.isError) return <Navigate to="/login" replace state={{ from: location.pathname }} />;
  const home = homeOf(session.data.role);
  return (
    <RoleProvider role={session.data.role}>
      <Shell administrator={session.data.administrator}>
        <Suspense fallback={<Spin />}>
          <Routes>
            <Route index element={<Navigate to={home} replace />} />
            <Route path="/namespaces" element={<NamespacesPage />} />
            <Route path="/namespaces/:id" element={<NamespacePage />} />
            <Route path="/providers" element={<ProvidersPage />} />
            <Route path="/models" element={<ModelsPage />} />
            <Route path="/locations" element={<LocationsPage />} />
            <Route path="/users" element={<UsersPage />} />
            <Route path="/virtual-keys" element={<VirtualKeysPage />} />
            <Route path="/accounts" element={<AccountsPage />} />
            <Route path="/prices" element={<PricesPage />} />
            <Route path="/requests" element={<RequestsPage />} />
            <Route path="/usage" element={<UsagePage />} />
            <Route path="/explain" element={<ExplainPage />} />
            <Route path="/gateways" element={<GatewaysPage />} />
            <Route path="/revisions" element={<RevisionsPage />} />
            <Route path="/policy-tests" element={<PolicyTestsPage />} />
            <Route path="/lint" element={<LintPage />} />
            <Route path="/audit" element={<AuditPage />} />
            <Route path="/tokens" element={<TokensPage />} />
            <Route path="/settings" element={<SettingsPage />} />
            <Route path="/administrators" element={<AdministratorsPage />} />
            <Route path="*" element={<Navigate to={home} replace />} />
          </Routes>
        </Suspense>
      </Shell>
    </RoleProvider>
  );
}
