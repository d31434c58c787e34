import type { LimitStatus } from '@ai-gateway/contracts';
import { Empty, Progress, Table, type TableColumnsType, Tag, Typography, theme } from 'antd';
import { limitValue } from '../../components/limit-value.ts';
import { type Language, type Translate, useTexts } from '../../texts/texts.tsx';

/** From this share of a limit on, in percent, its bar warns. */
const WARNING_PERCENT = 80;

/** Counters, each with how full it is. */
export function CountersTable({ limits }: { readonly limits: readonly LimitStatus[] }) {
  const { t, language } = useTexts();
  return (
    <Table
      rowKey="key"
      size="small"
      columns={counterColumns(t, language)}
      dataSource={limits}
      pagination={{ pageSize: 20, hideOnSinglePage: true }}
      scroll={{ x: 'max-content' }}
      locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('limits.empty')} /> }}
    />
  );
}

function counterColumns(t: Translate, language: Language): TableColumnsType<LimitStatus> {
  return [
    {
      key: 'policy',
      title: t('limits.policy'),
      render: (_, { policyName, countedFor, isObserved }) => (
        <>
          {policyName} {isObserved && <Tag color="orange">{t('limits.observes')}</Tag>}
          <Typography.Text type="secondary">{countedFor}</Typography.Text>
        </>
      ),
    },
    { key: 'counts', title: t('limits.counts'), render: (_, { counts }) => t(`counts.${counts}`) },
    { key: 'use', title: t('limits.use'), width: 220, render: (_, status) => <Use status={status} /> },
    {
      key: 'remaining',
      title: t('limits.remaining'),
      align: 'right',
      render: (_, { remaining, counts }) => limitValue(remaining, counts),
    },
    { key: 'window', title: t('limits.window'), render: (_, status) => windowText(status, language) },
    {
      key: 'reset',
      title: t('limits.reset'),
      align: 'right',
      render: (_, { kind, resetMs }) =>
        kind === 'concurrency' ? '–' : t('limits.seconds', { seconds: Math.ceil(resetMs / 1000).toLocaleString() }),
    },
  ];
}

function Use({ status: { policyName, counts, current, limit } }: { readonly status: LimitStatus }) {
  const { token } = theme.useToken();
  const percent = limit > 0 ? Math.min(100, Math.floor((current / limit) * 100)) : 100;
  return (
    <>
      <span style={{ fontVariantNumeric: 'tabular-nums' }}>
        {limitValue(current, counts)} / {limitValue(limit, counts)}
      </span>
      <Progress
        aria-label={policyName}
        size="small"
        percent={percent}
        status={percent === 100 ? 'exception' : 'normal'}
        {...(percent >= WARNING_PERCENT && percent < 100 && { strokeColor: token.colorWarning })}
      />
    </>
  );
}

function windowText({ windowStartAt, windowEndAt }: LimitStatus, language: Language): string {
  if (windowStartAt === undefined || windowEndAt === undefined) return '–';
  const [start, end] = [new Date(windowStartAt), new Date(windowEndAt)];
  const isOneDay = start.toDateString() === end.toDateString();
  const text = (at: Date) => (isOneDay ? at.toLocaleTimeString(language) : at.toLocaleString(language, DAY_AND_MINUTE));
  return `${text(start)} – ${text(end)}`;
}

const DAY_AND_MINUTE = { month: 'numeric', day: 'numeric', hour: 'numeric', minute: '2-digit' } as const;
