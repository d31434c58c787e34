import type { SimulatedCounts } from '@ai-gateway/contracts';
import { Table, type TableColumnsType, Typography } from 'antd';
import { type Translate, useTexts } from '../../texts/texts.tsx';

type Row = SimulatedCounts & { readonly key: string; readonly label: string };

export interface SimulatedCountsTableProps {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** Counts of what would have happened, beside what really did. */
export function SimulatedCountsTable({ title, rows }: SimulatedCountsTableProps) {
  const { t } = useTexts();
  return (
    <section aria-label={title}>
      <Typography.Title level={5}>{title}</Typography.Title>
      <Table
        rowKey="key"
        size="small"
        bordered
        columns={countColumns(t)}
        dataSource={rows}
        pagination={{ pageSize: 24, hideOnSinglePage: true }}
        scroll={{ x: 'max-content' }}
      />
    </section>
  );
}

function countColumns(t: Translate): TableColumnsType<Row> {
  const column = (key: string, title: string, text: (row: Row) => string): TableColumnsType<Row>[number] => ({
    key,
    title,
    align: 'right',
    render: (_, row) => text(row),
  });
  const waits = ({ waited, waitedMs }: { readonly waited: number; readonly waitedMs: number }) =>
    waited === 0 ? '0' : t('simulate.waits', { count: waited, seconds: (waitedMs / 1_000).toFixed(1) });
  return [
    { key: 'label', dataIndex: 'label' },
    column('requests', t('simulate.requests'), ({ requests }) => requests.toLocaleString()),
    {
      key: 'simulated',
      title: t('simulate.would'),
      children: [
        column('refused', t('simulate.refused'), ({ refused }) => refused.toLocaleString()),
        column('waited', t('simulate.waited'), waits),
        column('cut', t('simulate.cut'), ({ cut }) => cut.toLocaleString()),
        column('tokensLost', t('simulate.tokensLost'), ({ tokensLost }) => tokensLost.toLocaleString()),
      ],
    },
    {
      key: 'actual',
      title: t('simulate.really'),
      children: [
        column('actualRefused', t('simulate.refused'), ({ actual }) => actual.refused.toLocaleString()),
        column('actualWaited', t('simulate.waited'), ({ actual }) => waits(actual)),
        column('actualCut', t('simulate.cut'), ({ actual }) => actual.cut.toLocaleString()),
      ],
    },
  ];
}
