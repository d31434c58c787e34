import { Button, Card, Table, type TableColumnsType, Tag } from 'antd';
import type { Schemas } from '../../api/client.ts';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { useSessions } from './use-administrators.ts';

type Session = Schemas['SessionRow'];

/** Who is logged in now, and the way to end it. */
export function SessionsCard() {
  const { t, language } = useTexts();
  const showError = useShowError();
  const { list, end } = useSessions();
  const instant = (text: string) => new Date(text).toLocaleString(language);
  const columns: TableColumnsType<Session> = [
    {
      key: 'of',
      title: t('administrator.of'),
      render: (_, { administrator, isCurrent }) => (
        <>
          {administrator} {isCurrent && <Tag color="green">{t('administrator.current')}</Tag>}
        </>
      ),
    },
    { key: 'method', title: t('administrator.method'), dataIndex: 'method' },
    { key: 'address', title: t('administrator.address'), dataIndex: 'address' },
    { key: 'since', title: t('administrator.since'), render: (_, { createdAt }) => instant(createdAt) },
    { key: 'lastSeen', title: t('administrator.lastSeen'), render: (_, { lastSeenAt }) => instant(lastSeenAt) },
    {
      key: 'actions',
      title: t('common.actions'),
      render: (_, { id, isCurrent }) =>
        !isCurrent && (
          <Button size="small" onClick={() => end.mutate(id, { onError: (error) => showError(error) })}>
            {t('administrator.end')}
          </Button>
        ),
    },
  ];
  return (
    <Card title={t('administrator.sessions')}>
      <Table
        rowKey="id"
        columns={columns}
        dataSource={list.data?.items ?? []}
        loading={list.isPending}
        pagination={false}
        scroll={{ x: 'max-content' }}
      />
    </Card>
  );
}
