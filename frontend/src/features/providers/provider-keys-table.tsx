import { PlusOutlined, SyncOutlined } from '@ant-design/icons';
import { Button, Flex, Form, Input, Select, Table, type TableColumnsType, Typography } from 'antd';
import { useState } from 'react';
import { EnabledField, NameField, NumberField, PriorityField } from '../../components/common-fields.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { RowActions } from '../../components/row-actions.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { type NewProviderKey, type ProviderKey, type ProviderKeyDraft, useProviderKeys } from './use-provider-keys.ts';
import { useUpstreams } from './use-providers.ts';

const NEW: Partial<NewProviderKey> = { weight: 1, priority: 100, isEnabled: true };

/** The keys of one provider. Their secrets can be given and replaced, never read. */
export function ProviderKeysTable({ providerId }: { readonly providerId: string }) {
  const { t } = useTexts();
  const showError = useShowError();
  const keys = useProviderKeys(providerId);
  const upstreams = useUpstreams(providerId).list.data?.items ?? [];
  const [isAdding, setIsAdding] = useState(false);
  const [editing, setEditing] = useState<{ id: string; draft: Partial<ProviderKeyDraft> }>();
  const [rotating, setRotating] = useState<ProviderKey>();
  const columns: TableColumnsType<ProviderKey> = [
    { key: 'name', title: t('common.name'), dataIndex: 'name' },
    {
      key: 'lastFour',
      title: t('providerKey.secret'),
      render: (_, { lastFour }) => <Typography.Text code>…{lastFour}</Typography.Text>,
    },
    {
      key: 'upstream',
      title: t('scope.upstreamId'),
      render: (_, { upstreamId }) =>
        upstreams.find(({ id }) => id === upstreamId)?.baseUrl ?? upstreamId ?? t('providerKey.allUpstreams'),
    },
    { key: 'priority', title: t('common.priority'), dataIndex: 'priority', width: 100 },
    { key: 'weight', title: t('upstream.weight'), dataIndex: 'weight', width: 100 },
    {
      key: 'enabled',
      title: t('common.status'),
      width: 100,
      render: (_, { isEnabled }) => <EnabledTag isEnabled={isEnabled} />,
    },
    {
      key: 'actions',
      title: t('common.actions'),
      width: 160,
      render: (_, row) => {
        const { lastFour: _lastFour, ...draft } = draftOf(row);
        return (
          <Flex gap={4}>
            <Button
              type="text"
              icon={<SyncOutlined />}
              aria-label={`${t('providerKey.rotate')} ${row.name}`}
              onClick={() => setRotating(row)}
            />
            <RowActions
              name={row.name}
              onEdit={() => setEditing({ id: row.id, draft })}
              onDelete={() => keys.remove.mutate(row.id, { onError: (error) => showError(error) })}
            />
          </Flex>
        );
      },
    },
  ];
  const fields = (
    <>
      <NameField />
      <Form.Item name="upstreamId" label={t('scope.upstreamId')}>
        <Select
          allowClear
          placeholder={t('providerKey.allUpstreams')}
          options={upstreams.map(({ id, baseUrl }) => ({ value: id, label: baseUrl }))}
        />
      </Form.Item>
      <PriorityField />
      <NumberField name="weight" label={t('upstream.weight')} />
      <EnabledField />
    </>
  );
  return (
    <>
      <Table
        rowKey="id"
        size="small"
        columns={columns}
        dataSource={keys.list.data?.items ?? []}
        loading={keys.list.isPending}
        pagination={false}
      />
      <Flex justify="end" style={{ marginTop: 8 }}>
        <Button icon={<PlusOutlined />} onClick={() => setIsAdding(true)}>
          {t('providerKey.new')}
        </Button>
      </Flex>
      <DraftModal<NewProviderKey>
        title={t('providerKey.new')}
        draft={isAdding ? NEW : undefined}
        isSaving={keys.create.isPending}
        onSave={(draft) => keys.create.mutateAsync({ ...draft, providerId })}
        onClose={() => setIsAdding(false)}
      >
        <SecretField />
        {fields}
      </DraftModal>
      <DraftModal<ProviderKeyDraft>
        title={t('action.edit')}
        draft={editing?.draft}
        isSaving={keys.update.isPending}
        onSave={(body) => keys.update.mutateAsync({ id: editing?.id ?? '', body })}
        onClose={() => setEditing(undefined)}
      >
        {fields}
      </DraftModal>
      <DraftModal<{ secret: string }>
        title={`${t('providerKey.rotate')} ${rotating?.name ?? ''}`}
        draft={rotating && {}}
        isSaving={keys.rotate.isPending}
        onSave={({ secret }) => keys.rotate.mutateAsync({ id: rotating?.id ?? '', secret })}
        onClose={() => setRotating(undefined)}
      >
        <SecretField />
      </DraftModal>
    </>
  );
}

function SecretField() {
  const { t } = useTexts();
  return (
    <Form.Item
      name="secret"
      label={t('providerKey.secret')}
      extra={t('providerKey.secretHint')}
      rules={[{ required: true, message: t('common.required') }]}
    >
      <Input.Password autoComplete="new-password" maxLength={4096} />
    </Form.Item>
  );
}
