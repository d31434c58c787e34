import { providerDialect, strategy } from '@ai-gateway/contracts';
import { PlusOutlined } from '@ant-design/icons';
import { Button, Flex, Form, Input, Select, Table, type TableColumnsType, Tag } from 'antd';
import { useState } from 'react';
import { MayChange } from '../../access.tsx';
import { EnabledField, NumberField, PriorityField } from '../../components/common-fields.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { Page } from '../../components/page.tsx';
import { RowActions } from '../../components/row-actions.tsx';
import { UnsupportedField } from '../../components/unsupported-field.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { PortkeyConfigsTable } from './portkey-configs-table.tsx';
import { ProviderKeysTable } from './provider-keys-table.tsx';
import { RoutingFields } from './routing-fields.tsx';
import { UpstreamsTable } from './upstreams-table.tsx';
import { type Provider, type ProviderDraft, useProviders } from './use-providers.ts';

/** Providers, and under each its upstreams and keys. */
export function ProvidersPage() {
  const { t } = useTexts();
  const showError = useShowError();
  const { list, save, remove } = useProviders();
  const [editing, setEditing] = useState<{ id: string | undefined; draft: Partial<ProviderDraft> }>();
  const columns: TableColumnsType<Provider> = [
    { key: 'name', title: t('common.name'), dataIndex: 'name' },
    {
      key: 'models',
      title: t('provider.models'),
      render: (_, { models }) => (
        <Flex gap={4} wrap>
          {models.slice(0, 8).map((model) => (
            <Tag key={model}>{model}</Tag>
          ))}
          {models.length > 8 && <Tag>+{models.length - 8}</Tag>}
        </Flex>
      ),
    },
    { key: 'apiKeyEnv', title: t('provider.apiKeyEnv'), render: (_, { apiKeyEnv }) => apiKeyEnv ?? t('common.none') },
    { key: 'strategy', title: t('provider.strategy'), render: (_, { strategy }) => t(`strategy.${strategy}`) },
    { key: 'priority', title: t('common.priority'), dataIndex: 'priority' },
    {
      key: 'enabled',
      title: t('common.status'),
      render: (_, { isEnabled }) => <EnabledTag isEnabled={isEnabled} />,
    },
    {
      key: 'actions',
      title: t('common.actions'),
      render: (_, row) => (
        <RowActions
          name={row.name}
          onEdit={() => setEditing({ id: row.id, draft: draftOf(row) })}
          onDelete={() => remove.mutate(row.id, { onError: (error) => showError(error) })}
        />
      ),
    },
  ];
  return (
    <Page
      title={t('provider.title')}
      actions={
        <MayChange>
          <Button
            type="primary"
            icon={<PlusOutlined />}
            onClick={() =>
              setEditing({
                id: undefined,
                draft: { models: [], onUnsupported: 'drop', priority: 100, isEnabled: true, strategy: 'weighted' },
              })
            }
          >
            {t('provider.new')}
          </Button>
        </MayChange>
      }
    >
      <Table
        rowKey="id"
        columns={columns}
        dataSource={list.data?.items ?? []}
        loading={list.isPending}
        pagination={false}
        scroll={{ x: 'max-content' }}
        expandable={{
          expandedRowRender: ({ id, dialect }) => (
            <>
              <UpstreamsTable providerId={id} />
              <ProviderKeysTable providerId={id} />
              {dialect === 'portkey' && <PortkeyConfigsTable providerId={id} providers={list.data?.items ?? []} />}
            </>
          ),
        }}
      />
      <DraftModal<ProviderDraft>
        title={editing?.id === undefined ? t('provider.new') : t('action.edit')}
        draft={editing?.draft}
        isSaving={save.isPending}
        onSave={(body) => save.mutateAsync({ id: editing?.id, body })}
        onClose={() => setEditing(undefined)}
      >
        <Form.Item
          name="name"
          label={t('common.name')}
          extra={t('namespace.codeHint')}
          rules={[{ required: true, message: t('common.required') }]}
        >
          <Input maxLength={50} autoFocus />
        </Form.Item>
        <Form.Item name="dialect" label={t('provider.dialect')} initialValue="openai">
          <Select options={providerDialect.options.map((value) => ({ value, label: t(`dialect.${value}`) }))} />
        </Form.Item>
        <UnsupportedField />
        <Form.Item name="models" label={t('provider.models')} extra={t('provider.modelsHint')}>
          <Select mode="tags" tokenSeparators={[',', ' ']} open={false} />
        </Form.Item>
        <Form.Item name="apiKeyEnv" label={t('provider.apiKeyEnv')} extra={t('provider.apiKeyEnvHint')}>
          <Input maxLength={100} placeholder="OPENAI_API_KEY" />
        </Form.Item>
        <Form.Item name="strategy" label={t('provider.strategy')} extra={t('provider.strategyHint')}>
          <Select options={strategy.options.map((value) => ({ value, label: t(`strategy.${value}`) }))} />
        </Form.Item>
        <NumberField
          name={['routing', 'retry', 'maxAttempts']}
          label={t('provider.maxAttempts')}
          hint={t('provider.maxAttemptsHint')}
        />
        <RoutingFields />
        <PriorityField />
        <EnabledField />
      </DraftModal>
    </Page>
  );
}
