import type { Calibration } from '@ai-gateway/contracts';
import { Table, type TableColumnsType } from 'antd';
import { useTexts } from '../../texts/texts.tsx';

type Row = Calibration & { readonly model: string };

/** How well the estimates of models match what providers reported. */
export function CalibrationsTable({ calibrations }: { readonly calibrations: Readonly<Record<string, Calibration>> }) {
  const { t } = useTexts();
  const number = (key: string, title: string, text: (row: Row) => string): TableColumnsType<Row>[number] => ({
    key,
    title,
    align: 'right',
    render: (_, row) => text(row),
  });
  const columns: TableColumnsType<Row> = [
    { key: 'model', title: t('tokens.model'), dataIndex: 'model' },
    number('ratio', t('tokens.ratio'), ({ ratio }) => ratio.toLocaleString(undefined, { maximumFractionDigits: 3 })),
    number('meanError', t('tokens.meanError'), ({ mean_error }) =>
      mean_error.toLocaleString(undefined, { style: 'percent', maximumFractionDigits: 1 }),
    ),
    number('samples', t('tokens.samples'), ({ samples }) => samples.toLocaleString()),
  ];
  return (
    <Table
      rowKey="model"
      size="small"
      columns={columns}
      dataSource={Object.entries(calibrations).map(([model, row]) => ({ model, ...row }))}
      pagination={{ pageSize: 20, hideOnSinglePage: true }}
      scroll={{ x: 'max-content' }}
    />
  );
}
