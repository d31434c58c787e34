import { Alert, Table, type TableColumnsType, Tag } from 'antd';
import { api, dataOf, type Schemas } from '../../api/client.ts';
import { LIVE_MS, useRead } from '../../api/queries.ts';
import { Page } from '../../components/page.tsx';
import { useTexts } from '../../texts/texts.tsx';

type Gateway = Schemas['Gateway'];

/** The gateways that report, and whether each runs the newest rules. */
export function GatewaysPage() {
  const { t, language } = useTexts();
  const gateways = useRead(['gateways'], () => dataOf(api.GET('/api/v2/gateways')), LIVE_MS);
  const newest = gateways.data?.revision ?? 0;
  const columns: TableColumnsType<Gateway> = [
    { key: 'id', title: t('gateway.id'), dataIndex: 'gatewayId' },
    { key: 'version', title: t('gateway.version'), dataIndex: 'version' },
    {
      key: 'revision',
      title: t('gateway.revision'),
      render: (_, { revision, state, refusedRevision, unusableKeys }) => (
        <>
          {revision} {state === 'acknowledged' && <Tag color="green">{t('gateway.current')}</Tag>}
          {state === 'behind' && <Tag color="orange">{t('gateway.behind', { revision: newest })}</Tag>}
          {refusedRevision && <Tag color="red">{t('gateway.refused', refusedRevision)}</Tag>}
          {unusableKeys.map((key) => (
            <Tag key={key.keyId} color="red">
              {t('gateway.unusableKey', key)}
            </Tag>
          ))}
        </>
      ),
    },
    {
      key: 'rulesAge',
      title: t('gateway.rulesAge'),
      align: 'right',
      render: (_, { rulesAgeSeconds }) => t('gateway.secondsAgo', { seconds: Math.round(rulesAgeSeconds) }),
    },
    { key: 'inFlight', title: t('namespace.inFlight'), dataIndex: 'inFlight', align: 'right' },
    {
      key: 'requestsPerSecond',
      title: t('gateway.requestsPerSecond'),
      align: 'right',
      render: (_, { requestsPerSecond }) => requestsPerSecond.toLocaleString(language, { maximumFractionDigits: 1 }),
    },
    {
      key: 'lastSeen',
      title: t('gateway.lastSeen'),
      render: (_, { lastSeenAt }) => new Date(lastSeenAt).toLocaleTimeString(language),
    },
  ];
  return (
    <Page title={t('gateway.title')}>
      {gateways.data?.refusedRows.map((row) => (
        <Alert
          key={`${row.kind} ${row.id}`}
          type="error"
          showIcon
          title={t('gateway.refusedRow', row)}
          style={{ marginBottom: 8 }}
        />
      ))}
      <Table
        rowKey="gatewayId"
        columns={columns}
        dataSource={gateways.data?.items ?? []}
        loading={gateways.isPending}
        pagination={false}
        scroll={{ x: 'max-content' }}
      />
    </Page>
  );
}
