import type { LimitsView } from '@ai-gateway/contracts';
import { Alert, Card, Collapse, Empty, Flex, Space, Tag, Tooltip, Typography } from 'antd';
import { useTexts } from '../../texts/texts.tsx';
import { CountersTable } from './counters-table.tsx';
import { RunningTable } from './running-table.tsx';
import { useLimits } from './use-namespace.ts';

type Report = LimitsView['reports'][number];

const STORE_COLORS: Readonly<Record<Report['store'], string>> = {
  shared: 'green',
  process: 'blue',
  degraded: 'orange',
};

/** How full the limits of a namespace are right now, and what runs. */
export function LimitsCard({ namespaceId }: { readonly namespaceId: string }) {
  const { t } = useTexts();
  const limits = useLimits(namespaceId);
  const { reports = [], missing = [] } = limits.data ?? {};
  return (
    <Card title={t('limits.title')} loading={limits.isPending}>
      <Typography.Paragraph type="secondary">{t('limits.hint')}</Typography.Paragraph>
      <Space orientation="vertical" size={16} style={{ width: '100%' }}>
        {limits.isError && <Alert type="error" title={limits.error.message || t('failure.offline')} />}
        {missing.length > 0 && <Alert type="warning" title={t('limits.missing', { gateways: missing.join(', ') })} />}
        {limits.isSuccess && reports.length === 0 && missing.length === 0 && (
          <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('limits.noGateway')} />
        )}
        {reports.map((report) => (
          // Whichever gateway speaks for a shared store, it is the same report.
          <ReportView
            key={report.store === 'shared' ? report.store : report.gatewayId}
            report={report}
            isOneOfMany={reports.length > 1}
          />
        ))}
      </Space>
    </Card>
  );
}

function ReportView({ report, isOneOfMany }: { readonly report: Report; readonly isOneOfMany: boolean }) {
  const { t } = useTexts();
  const { store, gatewayId, inFlight, inFlightTotal, waiting } = report;
  const listed = inFlight.length;
  return (
    <>
      <Flex gap={4} wrap style={{ marginBottom: 8 }}>
        {isOneOfMany && <Typography.Text strong>{gatewayId}</Typography.Text>}
        <Tooltip title={t(`store.${store}Hint`)}>
          <Tag color={STORE_COLORS[store]}>{t(`store.${store}`)}</Tag>
        </Tooltip>
        <Tag>{t('limits.inFlight', { count: inFlightTotal.toLocaleString() })}</Tag>
        <Tag>{t('limits.waiting', { count: waiting.toLocaleString() })}</Tag>
      </Flex>
      <CountersTable limits={report.limits} />
      <Collapse
        ghost
        items={[
          {
            key: 'running',
            label: t('limits.running', { count: inFlightTotal.toLocaleString() }),
            children: (
              <>
                {listed < inFlightTotal && (
                  <Typography.Paragraph type="secondary">
                    {t('limits.oldest', { listed, total: inFlightTotal.toLocaleString() })}
                  </Typography.Paragraph>
                )}
                <RunningTable requests={inFlight} />
              </>
            ),
          },
        ]}
      />
    </>
  );
}
