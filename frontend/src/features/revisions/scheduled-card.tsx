import { Button, Card, Popconfirm, Table, type TableColumnsType, Tag, Typography } from 'antd';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { type Scheduled, useScheduled } from './use-scheduled.ts';

const COLOURS = { pending: 'blue', done: 'green', failed: 'red', cancelled: 'default' } as const;

/** Changes that are to be made at a set time, and what became of earlier ones. */
export function ScheduledCard() {
  const { t, language } = useTexts();
  const showError = useShowError();
  const { list, cancel } = useScheduled();
  const items = list.data?.items ?? [];
  if (items.length === 0) return null;
  const columns: TableColumnsType<Scheduled> = [
    {
      key: 'effectiveFrom',
      title: t('scheduled.effectiveFrom'),
      render: (_, { effectiveFrom }) => new Date(effectiveFrom).toLocaleString(language),
    },
    { key: 'actor', title: t('scheduled.actor'), dataIndex: 'actor' },
    {
      key: 'writes',
      title: t('scheduled.writes'),
      render: (_, { writes }) => <Typography.Text code>{writes.map(textOf).join(', ')}</Typography.Text>,
    },
    {
      key: 'status',
      title: t('scheduled.status'),
      render: (_, { status, reason }) => (
        <>
          <Tag color={COLOURS[status]}>{t(`scheduled.${status}`)}</Tag> {reason}
        </>
      ),
    },
    {
      key: 'actions',
      title: t('common.actions'),
      render: (_, { id, status }) =>
        status === 'pending' && (
          <Popconfirm
            title={t('scheduled.cancelThis', { id })}
            onConfirm={() => cancel.mutate(id, { onError: (error) => showError(error) })}
          >
            <Button size="small" aria-label={t('scheduled.cancelThis', { id })}>
              {t('scheduled.cancel')}
            </Button>
          </Popconfirm>
        ),
    },
  ];
  return (
    <Card title={t('scheduled.title')} size="small">
      <Table
        rowKey="id"
        size="small"
        columns={columns}
        dataSource={items}
        pagination={false}
        scroll={{ x: 'max-content' }}
      />
    </Card>
  );
}

function textOf(write: Scheduled['writes'][number]): string {
  if (write.action === 'rollback') return `rollback ${write.revision}`;
  if (write.action === 'apply') return 'apply file';
  return [write.action, write.resource, 'id' in write && write.id].filter(Boolean).join(' ');
}
