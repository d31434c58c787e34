import {
  ApartmentOutlined,
  AppstoreOutlined,
  AuditOutlined,
  BarChartOutlined,
  BranchesOutlined,
  CalculatorOutlined,
  CheckSquareOutlined,
  CloudServerOutlined,
  ClusterOutlined,
  DollarOutlined,
  HistoryOutlined,
  KeyOutlined,
  LogoutOutlined,
  MoonOutlined,
  QuestionCircleOutlined,
  SettingOutlined,
  SunOutlined,
  TeamOutlined,
  UnorderedListOutlined,
  WalletOutlined,
  WarningOutlined,
} from '@ant-design/icons';
import { Button, Flex, Layout, Menu, Select, Switch, Typography } from 'antd';
import { type ReactNode, useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { type Role, useRole } from './access.tsx';
import { queryClient } from './api/queries.ts';
import { logout } from './api/session.ts';
import { OtherDeviceButton } from './components/other-device-button.tsx';
import { useShowError } from './show-error.ts';
import { type Language, useTexts } from './texts/texts.tsx';
import { useTheme } from './theme.tsx';

const PAGES = [
  { path: '/namespaces', text: 'nav.namespaces', icon: <ApartmentOutlined /> },
  { path: '/providers', text: 'nav.providers', icon: <CloudServerOutlined /> },
  { path: '/models', text: 'nav.models', icon: <AppstoreOutlined /> },
  { path: '/locations', text: 'nav.locations', icon: <BranchesOutlined /> },
  { path: '/users', text: 'nav.users', icon: <TeamOutlined /> },
  { path: '/virtual-keys', text: 'nav.virtualKeys', icon: <KeyOutlined /> },
  { path: '/accounts', text: 'nav.accounts', icon: <WalletOutlined /> },
  { path: '/prices', text: 'nav.prices', icon: <DollarOutlined /> },
  { path: '/requests', text: 'nav.requests', icon: <UnorderedListOutlined /> },
  { path: '/usage', text: 'nav.usage', icon: <BarChartOutlined /> },
  { path: '/explain', text: 'nav.explain', icon: <QuestionCircleOutlined /> },
  { path: '/gateways', text: 'nav.gateways', icon: <ClusterOutlined /> },
  { path: '/revisions', text: 'nav.revisions', icon: <HistoryOutlined /> },
  { path: '/policy-tests', text: 'nav.policyTests', icon: <CheckSquareOutlined /> },
  { path: '/lint', text: 'nav.lint', icon: <WarningOutlined /> },
  { path: '/tokens', text: 'nav.tokens', icon: <CalculatorOutlined /> },
  { path: '/audit', text: 'nav.audit', icon: <AuditOutlined /> },
  { path: '/settings', text: 'nav.settings', icon: <SettingOutlined /> },
  { path: '/administrators', text: 'nav.administrators', icon: <TeamOutlined /> },
] as const;

/** Pages that show something of a tenant. */
const OF_TENANTS: readonly string[] = ['/virtual-keys', '/accounts', '/usage'];

/** Whether a role has anything to see on a page. */
function isFor(role: Role, path: string): boolean {
  if (path === '/administrators') return role === 'superadmin';
  return role !== 'tenant_admin' || OF_TENANTS.includes(path);
}

/** The page that a role begins with. */
export function homeOf(role: Role): string {
  return PAGES.find(({ path }) => isFor(role, path))?.path ?? '/virtual-keys';
}

const LANGUAGES: { readonly value: Language; readonly label: string }[] = [
  { value: 'en', label: 'English' },
  { value: 'zh', label: '中文' },
];

/** What surrounds every page: menu, language, theme, logout. */
export function Shell({ administrator, children }: { readonly administrator: string; readonly children: ReactNode }) {
  const { t } = useTexts();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const role = useRole();
  const [isNarrow, setNarrow] = useState(false);
  const selected = PAGES.find(({ path }) => pathname.startsWith(path))?.path;
  return (
    <Layout style={{ minHeight: '100vh' }}>
      <Layout.Sider
        breakpoint="md"
        collapsedWidth={isNarrow ? 48 : 80}
        onBreakpoint={setNarrow}
        theme="dark"
        aria-label={t('app.menu')}
      >
        <Typography.Title
          level={5}
          style={{
            color: '#fff',
            margin: 0,
            padding: isNarrow ? '20px 12px' : '20px 24px',
            whiteSpace: 'nowrap',
            overflow: 'hidden',
          }}
        >
          {isNarrow ? 'AI' : t('app.title')}
        </Typography.Title>
        <Menu
          theme="dark"
          mode="inline"
          selectedKeys={selected === undefined ? [] : [selected]}
          items={PAGES.filter(({ path }) => isFor(role, path)).map(({ path, text, icon }) => ({
            key: path,
            icon,
            label: t(text),
          }))}
          onClick={({ key }) => void navigate(key)}
        />
      </Layout.Sider>
      <Layout>
        <Layout.Header style={{ background: 'transparent', padding: '0 16px', height: 'auto', lineHeight: 'normal' }}>
          <Flex justify="flex-end" align="center" gap={12} wrap style={{ padding: '12px 0' }}>
            <Controls administrator={administrator} />
          </Flex>
        </Layout.Header>
        <Layout.Content style={{ padding: isNarrow ? '0 12px 24px' : '0 24px 32px' }}>{children}</Layout.Content>
      </Layout>
    </Layout>
  );
}

function Controls({ administrator }: { readonly administrator: string }) {
  const { t, language, setLanguage } = useTexts();
  const { isDark, setDark } = useTheme();
  const navigate = useNavigate();
  const showError = useShowError();
  const leave = async () => {
    try {
      await logout();
      queryClient.clear();
      await navigate('/login');
    } catch (error) {
      showError(error);
    }
  };
  return (
    <>
      <Switch
        aria-label={t('app.theme')}
        checked={isDark}
        onChange={setDark}
        checkedChildren={<MoonOutlined />}
        unCheckedChildren={<SunOutlined />}
      />
      <Select
        aria-label={t('app.language')}
        value={language}
        onChange={setLanguage}
        options={LANGUAGES}
        variant="borderless"
      />
      <Typography.Text type="secondary">{administrator}</Typography.Text>
      <OtherDeviceButton />
      <Button type="text" icon={<LogoutOutlined />} onClick={() => void leave()}>
        {t('app.logout')}
      </Button>
    </>
  );
}
