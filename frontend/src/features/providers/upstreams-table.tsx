import { PlusOutlined } from '@ant-design/icons';
import { Button, Flex, Form, Input, Table, type TableColumnsType } from 'antd';
import { useState } from 'react';
import { MayChange } from '../../access.tsx';
import { EnabledField, NumberField } from '../../components/common-fields.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { dropUnset } from '../../components/drop-unset.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { RowActions } from '../../components/row-actions.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { HealthTag } from './health-tag.tsx';
import { useUpstreamHealth } from './use-health.ts';
import { type Upstream, type UpstreamDraft, useUpstreams } from './use-providers.ts';

const TIMEOUTS = ['connectTimeoutMs', 'firstByteTimeoutMs', 'idleTimeoutMs', 'totalTimeoutMs'] as const;
const NEW: Partial<UpstreamDraft> = {
  weight: 1,
  priority: 100,
  isEnabled: true,
  connectTimeoutMs: 5_000,
  firstByteTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  totalTimeoutMs: 600_000,
};

/** The base URLs of one provider. */
export function UpstreamsTable({ providerId }: { readonly providerId: string }) {
  const { t } = useTexts();
  const showError = useShowError();
  const { list, save, remove } = useUpstreams(providerId);
  const healthOf = useUpstreamHealth();
  const [editing, setEditing] = useState<{ id: string | undefined; draft: Partial<UpstreamDraft> }>();
  const columns: TableColumnsType<Upstream> = [
    { key: 'baseUrl', title: t('upstream.baseUrl'), dataIndex: 'baseUrl' },
    { key: 'weight', title: t('upstream.weight'), dataIndex: 'weight', width: 100 },
    {
      key: 'canary',
      title: t('upstream.canaryPercent'),
      width: 140,
      render: (_, { canaryPercent }) => canaryPercent ?? t('common.none'),
    },
    {
      key: 'health',
      title: t('upstream.health'),
      render: (_, { id, isEnabled }) => <HealthTag isEnabled={isEnabled} health={healthOf(id)} />,
    },
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
          name={row.baseUrl}
          onEdit={() => setEditing({ id: row.id, draft: draftOf(row) })}
          onDelete={() => remove.mutate(row.id, { onError: (error) => showError(error) })}
        />
      ),
    },
  ];
  return (
    <>
      <Table
        rowKey="id"
        size="small"
        columns={columns}
        dataSource={list.data?.items ?? []}
        loading={list.isPending}
        pagination={false}
      />
      <Flex justify="end" style={{ marginTop: 8 }}>
        <MayChange>
          <Button icon={<PlusOutlined />} onClick={() => setEditing({ id: undefined, draft: NEW })}>
            {t('upstream.new')}
          </Button>
        </MayChange>
      </Flex>
      <DraftModal<UpstreamDraft>
        title={editing?.id === undefined ? t('upstream.new') : t('action.edit')}
        draft={editing?.draft}
        isSaving={save.isPending}
        onSave={(draft) =>
          save.mutateAsync({ id: editing?.id, body: { ...dropUnset(draft, 'healthCheck', 'path'), providerId } })
        }
        onClose={() => setEditing(undefined)}
      >
        <Form.Item
          name="baseUrl"
          label={t('upstream.baseUrl')}
          rules={[{ required: true, message: t('common.required') }]}
        >
          <Input placeholder="https://api.openai.com/v1" autoFocus />
        </Form.Item>
        <NumberField name="weight" label={t('upstream.weight')} />
        <NumberField name="priority" label={t('common.priority')} hint={t('upstream.priorityHint')} />
        <NumberField
          name="canaryPercent"
          label={t('upstream.canaryPercent')}
          hint={t('upstream.canaryPercentHint')}
          min={0}
        />
        <NumberField name="maxConcurrent" label={t('upstream.maxConcurrent')} hint={t('upstream.maxConcurrentHint')} />
        <Form.Item name={['healthCheck', 'path']} label={t('upstream.healthPath')} extra={t('upstream.healthPathHint')}>
          <Input placeholder="/v1/models" />
        </Form.Item>
        {TIMEOUTS.map((name) => (
          <NumberField key={name} name={name} label={t(`upstream.${name}`)} min={100} />
        ))}
        <EnabledField />
      </DraftModal>
    </>
  );
}
