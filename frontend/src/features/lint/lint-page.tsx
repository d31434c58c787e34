import { Alert, Table, type TableColumnsType, Tag, Typography } from 'antd';
import { Link } from 'react-router';
import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { Page } from '../../components/page.tsx';
import { useTexts } from '../../texts/texts.tsx';

type Finding = Schemas['LintFinding'];

/** What is doubtful about the rules in force, with the way to each row. */
export function LintPage() {
  const { t } = useTexts();
  const lint = useRead(['lint'], () => dataOf(api.GET('/api/v2/lint')));
  const columns: TableColumnsType<Finding> = [
    {
      key: 'severity',
      title: t('lint.severity'),
      filters: (['error', 'warning'] as const).map((value) => ({ value, text: t(`lint.${value}`) })),
      onFilter: (value, { severity }) => severity === value,
      render: (_, { severity }) => <Tag color={severity === 'error' ? 'red' : 'orange'}>{t(`lint.${severity}`)}</Tag>,
    },
    {
      key: 'rule',
      title: t('lint.rule'),
      filters: [...new Set(lint.data?.findings.map(({ rule }) => rule))].map((value) => ({ value, text: value })),
      onFilter: (value, { rule }) => rule === value,
      render: (_, { rule }) => <Typography.Text code>{rule}</Typography.Text>,
    },
    { key: 'kind', title: t('audit.kind'), dataIndex: 'kind' },
    { key: 'name', title: t('common.name'), render: (_, finding) => <RowLink finding={finding} /> },
    {
      key: 'message',
      title: t('lint.message'),
      render: (_, { path, message }) => (
        <>
          {path !== '' && <Typography.Text code>{path}</Typography.Text>} {message}
        </>
      ),
    },
  ];
  return (
    <Page title={t('lint.title')}>
      <Typography.Paragraph type="secondary">{t('lint.hint')}</Typography.Paragraph>
      {lint.isError && <Alert type="error" showIcon title={lint.error.message} style={{ marginBottom: 16 }} />}
      <Table
        rowKey={({ rule, kind, id, path }) => `${rule} ${kind} ${id} ${path}`}
        columns={columns}
        dataSource={lint.data?.findings ?? []}
        loading={lint.isPending}
        pagination={{ pageSize: 20, hideOnSinglePage: true, showSizeChanger: false }}
        locale={{ emptyText: t('lint.none') }}
        scroll={{ x: 'max-content' }}
      />
    </Page>
  );
}

/** The page that shows the row of a finding, where there is one. */
function RowLink({ finding: { kind, name, namespaceId } }: { readonly finding: Finding }) {
  if (namespaceId !== undefined) return <Link to={`/namespaces/${namespaceId}`}>{name}</Link>;
  return kind === 'providers' ? <Link to="/providers">{name}</Link> : name;
}
