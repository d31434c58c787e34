import { Button, Popconfirm, Table, type TableColumnsType, Tag } from 'antd';
import { useState } from 'react';
import { MayChange } from '../../access.tsx';
import { Page } from '../../components/page.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { RevisionChanges } from './revision-changes.tsx';
import { RuleFileButtons } from './rule-file-buttons.tsx';
import { ScheduledCard } from './scheduled-card.tsx';
import { type Revision, useRevisions } from './use-revisions.ts';

/** The history of the rules: what each revision changed, and the way back to it. */
export function RevisionsPage() {
  const { t, language } = useTexts();
  const showError = useShowError();
  const [page, setPage] = useState(1);
  const { list, rollBack } = useRevisions(page);
  const isNewest = ({ revision }: Revision) => page === 1 && revision === list.data?.items[0]?.revision;
  const columns: TableColumnsType<Revision> = [
    {
      key: 'revision',
      title: t('revision.number'),
      render: (_, row) => (
        <>
          {row.revision} {isNewest(row) && <Tag color="green">{t('gateway.current')}</Tag>}
        </>
      ),
    },
    {
      key: 'createdAt',
      title: t('revision.createdAt'),
      render: (_, { createdAt }) => new Date(createdAt).toLocaleString(language),
    },
    { key: 'actor', title: t('audit.actor'), dataIndex: 'actor' },
    {
      key: 'changes',
      title: t('revision.changes'),
      render: (_, { changes }) => changes !== undefined && t('revision.counts', changes),
    },
    {
      key: 'size',
      title: t('revision.size'),
      align: 'right',
      render: (_, { sizeBytes }) => `${(sizeBytes / 1024).toLocaleString(language, { maximumFractionDigits: 1 })} KiB`,
    },
    {
      key: 'actions',
      title: t('common.actions'),
      render: (_, row) =>
        !isNewest(row) && (
          <MayChange>
            <Popconfirm
              title={t('revision.rollBackTo', { revision: row.revision })}
              onConfirm={() => rollBack.mutate(row.revision, { onError: (error) => showError(error) })}
            >
              <Button size="small" aria-label={t('revision.rollBackTo', { revision: row.revision })}>
                {t('revision.rollBack')}
              </Button>
            </Popconfirm>
          </MayChange>
        ),
    },
  ];
  return (
    <Page title={t('revision.title')} actions={<RuleFileButtons />}>
      <ScheduledCard />
      <Table
        rowKey="revision"
        columns={columns}
        dataSource={list.data?.items ?? []}
        loading={list.isPending || rollBack.isPending}
        pagination={{ current: page, total: list.data?.total ?? 0, onChange: setPage, showSizeChanger: false }}
        scroll={{ x: 'max-content' }}
        expandable={{
          rowExpandable: ({ changes }) => changes !== undefined,
          expandedRowRender: ({ revision, changes }) =>
            changes && <RevisionChanges before={changes.sinceRevision} after={revision} />,
        }}
      />
    </Page>
  );
}
