import { PlusOutlined } from '@ant-design/icons';
import { Button, Flex, Table, type TableColumnsType } from 'antd';
import { useState } from 'react';
import { draftOf } from '../../components/draft-of.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { Page } from '../../components/page.tsx';
import { RowActions } from '../../components/row-actions.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { AdministratorForm } from './administrator-form.tsx';
import { KeysCard } from './keys-card.tsx';
import { SessionsCard } from './sessions-card.tsx';
import { type Administrator, type AdministratorDraft, useAdministrators } from './use-administrators.ts';

/** Who may log in, with which role and keys, and who is logged in now. */
export function AdministratorsPage() {
  const { t } = useTexts();
  const showError = useShowError();
  const { list, save, remove, endSessions } = useAdministrators();
  const [editing, setEditing] = useState<{ id: string | undefined; draft: Partial<AdministratorDraft> }>();
  const onError = (error: Error) => showError(error);
  const columns: TableColumnsType<Administrator> = [
    { key: 'name', title: t('common.name'), dataIndex: 'name' },
    { key: 'role', title: t('administrator.role'), dataIndex: 'role' },
    { key: 'tenant', title: t('administrator.tenant'), dataIndex: 'tenantId' },
    { key: 'email', title: t('administrator.email'), dataIndex: 'email' },
    { key: 'source', title: t('administrator.source'), dataIndex: 'source' },
    {
      key: 'enabled',
      title: t('common.status'),
      render: (_, { isEnabled }) => <EnabledTag isEnabled={isEnabled} />,
    },
    {
      key: 'actions',
      title: t('common.actions'),
      render: (_, row) => {
        const { hasPassword: _password, source: _source, ...draft } = draftOf(row);
        return (
          <Flex gap={4} align="center">
            <RowActions
              name={row.name}
              onEdit={() => setEditing({ id: row.id, draft })}
              onDelete={() => remove.mutate(row.id, { onError })}
            />
            <Button size="small" onClick={() => endSessions.mutate(row.id, { onError })}>
              {t('administrator.endSessions')}
            </Button>
          </Flex>
        );
      },
    },
  ];
  return (
    <Page
      title={t('administrator.title')}
      actions={
        <Button
          type="primary"
          icon={<PlusOutlined />}
          onClick={() => setEditing({ id: undefined, draft: { role: 'viewer', isEnabled: true } })}
        >
          {t('administrator.new')}
        </Button>
      }
    >
      <Flex vertical gap={24}>
        <Table
          rowKey="id"
          columns={columns}
          dataSource={list.data?.items ?? []}
          loading={list.isPending}
          pagination={false}
          scroll={{ x: 'max-content' }}
        />
        <KeysCard administrators={list.data?.items ?? []} />
        <SessionsCard />
      </Flex>
      <AdministratorForm
        title={editing?.id === undefined ? t('administrator.new') : t('action.edit')}
        draft={editing?.draft}
        isSaving={save.isPending}
        onSave={(body) => save.mutateAsync({ id: editing?.id, body })}
        onClose={() => setEditing(undefined)}
      />
    </Page>
  );
}
