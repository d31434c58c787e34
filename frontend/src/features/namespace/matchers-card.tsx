import { PlusOutlined } from '@ant-design/icons';
import { Button, Card, Table, type TableColumnsType, Typography } from 'antd';
import { useState } from 'react';
import { MayChange } from '../../access.tsx';
import { EnabledField, PriorityField } from '../../components/common-fields.tsx';
import { ConditionFields, useConditionText } from '../../components/condition-fields.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { RowActions } from '../../components/row-actions.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { type Matcher, type MatcherDraft, useMatchers } from './use-namespace.ts';

/** Which requests belong to a namespace. */
export function MatchersCard({ namespaceId }: { readonly namespaceId: string }) {
  const { t } = useTexts();
  const { list, save, remove } = useMatchers(namespaceId);
  const [editing, setEditing] = useState<{ id: string | undefined; draft: Partial<MatcherDraft> }>();
  const showError = useShowError();
  const textOf = useConditionText();
  const columns: TableColumnsType<Matcher> = [
    { key: 'condition', title: t('matcher.condition'), render: (_, row) => textOf(row) },
    { key: 'priority', title: t('common.priority'), dataIndex: 'priority', width: 100 },
    {
      key: 'enabled',
      title: t('common.status'),
      width: 100,
      render: (_, { isEnabled }) => <EnabledTag isEnabled={isEnabled} />,
    },
    {
      key: 'actions',
      title: t('common.actions'),
      width: 120,
      render: (_, row) => (
        <RowActions
          name={textOf(row)}
          onEdit={() => setEditing({ id: row.id, draft: draftOf(row) })}
          onDelete={() => remove.mutate(row.id, { onError: (error) => showError(error) })}
        />
      ),
    },
  ];
  return (
    <Card
      title={t('matcher.title')}
      extra={
        <MayChange>
          <Button
            icon={<PlusOutlined />}
            onClick={() =>
              setEditing({
                id: undefined,
                draft: { source: 'header', operator: 'equals', priority: 100, isEnabled: true },
              })
            }
          >
            {t('matcher.new')}
          </Button>
        </MayChange>
      }
    >
      <Typography.Paragraph type="secondary">{t('matcher.hint')}</Typography.Paragraph>
      <Table
        rowKey="id"
        size="small"
        columns={columns}
        dataSource={list.data?.items ?? []}
        loading={list.isPending}
        pagination={false}
        scroll={{ x: 'max-content' }}
      />
      <DraftModal<MatcherDraft>
        title={t('matcher.new')}
        draft={editing?.draft}
        isSaving={save.isPending}
        onSave={(draft) => save.mutateAsync({ id: editing?.id, body: { ...draft, namespaceId } })}
        onClose={() => setEditing(undefined)}
      >
        <ConditionFields />
        <PriorityField />
        <EnabledField />
      </DraftModal>
    </Card>
  );
}
