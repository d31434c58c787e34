import { Flex, Table, type TableColumnsType, Typography } from 'antd';
import { Link } from 'react-router';
import { useTexts } from '../../texts/texts.tsx';
import type { Simulation } from './use-simulation.ts';

type Row = Simulation['byPolicy'][number];

/** Which policies would have acted, each with the first requests that it would have refused. */
export function SimulatedPoliciesTable({ policies }: { readonly policies: readonly Row[] }) {
  const { t, language } = useTexts();
  const columns: TableColumnsType<Row> = [
    { key: 'policy', title: t('limits.policy'), dataIndex: 'policyName' },
    { key: 'refused', title: t('simulate.refused'), align: 'right', dataIndex: 'refused' },
    { key: 'observed', title: t('simulate.observed'), align: 'right', dataIndex: 'observed' },
    { key: 'cut', title: t('simulate.cut'), align: 'right', dataIndex: 'cut' },
    {
      key: 'first',
      title: t('simulate.first'),
      render: (_, { first }) => (
        <Flex vertical>
          {first.map(({ at, requestId }) => (
            <span key={`${at} ${requestId}`}>
              {new Date(at).toLocaleTimeString(language)}{' '}
              <Link to={`/requests?${new URLSearchParams({ requestId })}`}>{requestId}</Link>
            </span>
          ))}
        </Flex>
      ),
    },
  ];
  return (
    <section aria-label={t('simulate.policies')}>
      <Typography.Title level={5}>{t('simulate.policies')}</Typography.Title>
      <Table
        rowKey="policyId"
        size="small"
        columns={columns}
        dataSource={policies}
        pagination={{ pageSize: 20, hideOnSinglePage: true }}
        scroll={{ x: 'max-content' }}
      />
    </section>
  );
}
