import { userStatus } from '@ai-gateway/contracts';
import { SwapOutlined } from '@ant-design/icons';
import { Button, Form, Select, type TableColumnsType, Tag } from 'antd';
import { useState } from 'react';
import { useTenantNames } from '../../api/names.ts';
import { ChoiceField, TextField } from '../../components/choice-fields.tsx';
import { NameField } from '../../components/common-fields.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { Page } from '../../components/page.tsx';
import { ResourceTable } from '../../components/resource-table.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { type StatusDraft, type User, type UserDraft, useUsers } from './use-users.ts';

const COLORS: Readonly<Record<User['status'], string>> = {
  pending: 'default',
  active: 'green',
  free_period: 'cyan',
  overdue: 'orange',
  blacklisted: 'red',
  canceled: 'default',
};

/** Owners of virtual keys, and whether they may use the API. */
export function UsersPage() {
  const { t } = useTexts();
  const users = useUsers();
  const tenants = useTenantNames();
  const [changing, setChanging] = useState<User>();
  const columns: TableColumnsType<User> = [
    { key: 'name', title: t('common.name'), dataIndex: 'name' },
    { key: 'email', title: t('user.email'), render: (_, { email }) => email ?? t('common.none') },
    {
      key: 'tenant',
      title: t('user.tenant'),
      render: (_, { tenantId }) => (tenantId === undefined ? t('common.none') : (tenants.get(tenantId) ?? tenantId)),
    },
    {
      key: 'status',
      title: t('user.status'),
      render: (_, { status }) => <Tag color={COLORS[status]}>{t(`status.${status}`)}</Tag>,
    },
    { key: 'reason', title: t('user.reason'), render: (_, { statusReason }) => statusReason ?? '' },
  ];
  return (
    <Page title={t('user.page')}>
      <ResourceTable<User, UserDraft>
        title={t('user.title')}
        hint={t('user.hint')}
        newTitle={t('user.new')}
        resource={users}
        columns={columns}
        nameOf={({ name }) => name}
        newDraft={{}}
        draftOf={(row) => {
          const { status: _, statusReason: __, ...draft } = draftOf(row);
          return draft;
        }}
        actionsOf={(row) => (
          <Button
            type="text"
            icon={<SwapOutlined />}
            aria-label={`${t('user.changeStatus')} ${row.name}`}
            onClick={() => setChanging(row)}
          />
        )}
      >
        <NameField />
        <TextField name="email" label={t('user.email')} />
        <ChoiceField name="tenantId" label={t('user.tenant')} hint={t('user.tenantHint')} names={tenants} />
      </ResourceTable>
      <DraftModal<StatusDraft>
        title={t('user.changeStatus')}
        draft={changing && { status: changing.status }}
        isSaving={users.setStatus.isPending}
        onSave={(body) => users.setStatus.mutateAsync({ id: changing?.id ?? '', body })}
        onClose={() => setChanging(undefined)}
      >
        <Form.Item name="status" label={t('user.status')}>
          <Select options={userStatus.options.map((value) => ({ value, label: t(`status.${value}`) }))} />
        </Form.Item>
        <TextField name="reason" label={t('user.reason')} />
      </DraftModal>
    </Page>
  );
}
