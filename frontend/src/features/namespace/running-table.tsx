import type { InFlightRequest } from '@ai-gateway/contracts';
import { Table, type TableColumnsType, Typography } from 'antd';
import { useTexts } from '../../texts/texts.tsx';

/** Requests that run, the oldest first. */
export function RunningTable({ requests }: { readonly requests: readonly InFlightRequest[] }) {
  const { t, language } = useTexts();
  const tokens = (
    field: 'inputTokens' | 'outputTokensSoFar' | 'reservedOutputTokens',
    title: string,
  ): TableColumnsType<InFlightRequest>[number] => ({
    key: field,
    title,
    align: 'right',
    render: (_, row) => row[field].toLocaleString(),
  });
  const columns: TableColumnsType<InFlightRequest> = [
    {
      key: 'id',
      title: t('running.id'),
      render: (_, { requestId }) => <Typography.Text code>{requestId}</Typography.Text>,
    },
    { key: 'gateway', title: t('gateway.id'), dataIndex: 'gatewayId' },
    { key: 'model', title: t('running.model'), render: (_, { model }) => model ?? '–' },
    {
      key: 'since',
      title: t('running.since'),
      render: (_, { admittedAt }) => new Date(admittedAt).toLocaleTimeString(language),
    },
    tokens('inputTokens', t('running.input')),
    tokens('outputTokensSoFar', t('running.output')),
    tokens('reservedOutputTokens', t('running.reserved')),
  ];
  return (
    <Table
      rowKey="reservationId"
      size="small"
      columns={columns}
      dataSource={requests}
      pagination={{ pageSize: 10, hideOnSinglePage: true }}
      scroll={{ x: 'max-content' }}
    />
  );
}
