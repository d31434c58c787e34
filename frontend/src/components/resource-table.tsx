import { PlusOutlined } from '@ant-design/icons';
import { Button, Flex, Table, type TableColumnsType, Typography } from 'antd';
import { type ReactNode, useState } from 'react';
import { MayChange } from '../access.tsx';
import { useShowError } from '../show-error.ts';
import { useTexts } from '../texts/texts.tsx';
import { DraftModal } from './draft-modal.tsx';
import { RowActions } from './row-actions.tsx';

/** What reads and changes rows of one kind, as the hooks of features give it. */
interface Resource<Row, Draft> {
  readonly list: { readonly data: { readonly items: Row[] } | undefined; readonly isPending: boolean };
  readonly save: {
    readonly isPending: boolean;
    readonly mutateAsync: (change: { id: string | undefined; body: Draft }) => Promise<unknown>;
  };
  readonly remove: {
    readonly mutate: (id: string, options: { onError: (error: Error) => void }) => void;
  };
}

export interface ResourceTableProps<Row, Draft> {
  readonly title: string;
  readonly hint: string;
  readonly newTitle: string;
  readonly resource: Resource<Row, Draft>;
  readonly columns: TableColumnsType<Row>;
  readonly nameOf: (row: Row) => string;
  readonly newDraft: Partial<Draft>;
  readonly draftOf: (row: Row) => Partial<Draft>;
  /** More to do with a row, before edit and delete. */
  readonly actionsOf?: (row: Row) => ReactNode;
  /** The fields of the form. */
  readonly children: ReactNode;
}

/** Rows of one kind with their form: create, edit, delete. */
export function ResourceTable<Row extends { readonly id: string }, Draft extends object>({
  title,
  hint,
  newTitle,
  resource: { list, save, remove },
  columns,
  nameOf,
  newDraft,
  draftOf,
  actionsOf,
  children,
}: ResourceTableProps<Row, Draft>) {
  const { t } = useTexts();
  const showError = useShowError();
  const [editing, setEditing] = useState<{ id: string | undefined; draft: Partial<Draft> }>();
  const actions = (row: Row) => (
    <Flex gap={4}>
      {actionsOf?.(row)}
      <RowActions
        name={nameOf(row)}
        onEdit={() => setEditing({ id: row.id, draft: draftOf(row) })}
        onDelete={() => remove.mutate(row.id, { onError: (error) => showError(error) })}
      />
    </Flex>
  );
  return (
    <section aria-label={title} style={{ marginBottom: 32 }}>
      <Flex justify="space-between" align="center" gap={12} wrap style={{ marginBottom: 12 }}>
        <div>
          <Typography.Title level={4} style={{ margin: 0 }}>
            {title}
          </Typography.Title>
          <Typography.Text type="secondary">{hint}</Typography.Text>
        </div>
        <MayChange>
          <Button type="primary" icon={<PlusOutlined />} onClick={() => setEditing({ id: undefined, draft: newDraft })}>
            {newTitle}
          </Button>
        </MayChange>
      </Flex>
      <Table
        rowKey="id"
        columns={[...columns, { key: 'actions', title: t('common.actions'), render: (_, row) => actions(row) }]}
        dataSource={list.data?.items ?? []}
        loading={list.isPending}
        pagination={false}
        scroll={{ x: 'max-content' }}
      />
      <DraftModal<Draft>
        title={editing?.id === undefined ? newTitle : t('action.edit')}
        draft={editing?.draft}
        isSaving={save.isPending}
        onSave={(body) => save.mutateAsync({ id: editing?.id, body })}
        onClose={() => setEditing(undefined)}
      >
        {children}
      </DraftModal>
    </section>
  );
}
