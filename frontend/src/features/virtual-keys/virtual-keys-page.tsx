import { PlusOutlined, RedoOutlined } from '@ant-design/icons';
import {
  Alert,
  Button,
  Flex,
  Form,
  Modal,
  Popconfirm,
  Select,
  Table,
  type TableColumnsType,
  Tag,
  Typography,
} from 'antd';
import { useState } from 'react';
import { MayChange, useRole } from '../../access.tsx';
import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useUserNames } from '../../api/names.ts';
import { useChange, useRead } from '../../api/queries.ts';
import { ChoiceField, NamesField } from '../../components/choice-fields.tsx';
import { EnabledField, NameField } from '../../components/common-fields.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { Page } from '../../components/page.tsx';
import { RowActions } from '../../components/row-actions.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';

type VirtualKey = Schemas['VirtualKey'];
type VirtualKeyDraft = Schemas['VirtualKeyDraft'];

/** Credentials of clients. A new one shows its secret once. */
export function VirtualKeysPage() {
  const { t } = useTexts();
  const showError = useShowError();
  const role = useRole();
  const keys = useRead(['virtual-keys'], () =>
    dataOf(api.GET('/api/v2/virtual-keys', { params: { query: { size: 100 } } })),
  );
  const namespaces = useRead(['namespaces', 'all'], () =>
    dataOf(api.GET('/api/v2/namespaces', { params: { query: { size: 100 } } })),
  );
  const users = useUserNames();
  const [editing, setEditing] = useState<{ id: string | undefined; draft: Partial<VirtualKeyDraft> }>();
  const [secret, setSecret] = useState<string>();
  const save = useChange(
    'virtual-keys',
    async ({ id, body }: { id: string | undefined; body: VirtualKeyDraft }) => {
      if (id !== undefined) return dataOf(api.PUT('/api/v2/virtual-keys/{id}', { params: { path: { id } }, body }));
      const created = await dataOf(api.POST('/api/v2/virtual-keys', { body }));
      setSecret(created.secret);
      return created;
    },
    'done.saved',
  );
  const rotate = useChange(
    'virtual-keys',
    async (id: string) => {
      const params = { path: { id } };
      const rotated = await dataOf(api.POST('/api/v2/virtual-keys/{id}/rotate', { params, body: {} }));
      setSecret(rotated.secret);
    },
    'done.saved',
  );
  const remove = useChange(
    'virtual-keys',
    (id: string) => dataOf(api.DELETE('/api/v2/virtual-keys/{id}', { params: { path: { id } } })),
    'done.deleted',
  );
  const names = new Map(namespaces.data?.items.map(({ id, name }) => [id, name]));
  const columns: TableColumnsType<VirtualKey> = [
    { key: 'name', title: t('common.name'), dataIndex: 'name' },
    {
      key: 'prefix',
      title: t('key.prefix'),
      render: (_, { prefix }) => <Typography.Text code>{prefix}…</Typography.Text>,
    },
    {
      key: 'namespaces',
      title: t('key.namespaces'),
      render: (_, { namespaceIds }) =>
        namespaceIds.length === 0
          ? t('key.allNamespaces')
          : namespaceIds.map((id) => <Tag key={id}>{names.get(id) ?? id}</Tag>),
    },
    {
      key: 'enabled',
      title: t('common.status'),
      render: (_, { isEnabled }) => <EnabledTag isEnabled={isEnabled} />,
    },
    {
      key: 'actions',
      title: t('common.actions'),
      render: (_cell, row) => {
        const { prefix: _, statusReason: __, previousUntil: ___, ...draft } = draftOf(row);
        return (
          <Flex gap={4}>
            <RotateButton
              name={row.name}
              onRotate={() => rotate.mutate(row.id, { onError: (error) => showError(error) })}
            />
            <RowActions
              name={row.name}
              onEdit={() => setEditing({ id: row.id, draft })}
              onDelete={() => remove.mutate(row.id, { onError: (error) => showError(error) })}
            />
          </Flex>
        );
      },
    },
  ];
  return (
    <Page
      title={t('key.title')}
      actions={
        <MayChange>
          <Button
            type="primary"
            icon={<PlusOutlined />}
            onClick={() =>
              setEditing({ id: undefined, draft: { namespaceIds: [], allowedModels: [], isEnabled: true } })
            }
          >
            {t('key.new')}
          </Button>
        </MayChange>
      }
    >
      <Table
        rowKey="id"
        columns={columns}
        dataSource={keys.data?.items ?? []}
        loading={keys.isPending}
        pagination={false}
        scroll={{ x: 'max-content' }}
      />
      <DraftModal<VirtualKeyDraft>
        title={editing?.id === undefined ? t('key.new') : t('action.edit')}
        draft={editing?.draft}
        isSaving={save.isPending}
        onSave={(body) => save.mutateAsync({ id: editing?.id, body })}
        onClose={() => setEditing(undefined)}
      >
        <NameField />
        <Form.Item name="namespaceIds" label={t('key.namespaces')}>
          <Select
            mode={role === 'tenant_admin' ? 'tags' : 'multiple'}
            placeholder={t('key.allNamespaces')}
            options={[...names].map(([value, label]) => ({ value, label }))}
          />
        </Form.Item>
        <NamesField name="allowedModels" label={t('namespace.allowedModels')} hint={t('namespace.allowedModelsHint')} />
        <ChoiceField name="userId" label={t('key.user')} names={users} />
        <EnabledField />
      </DraftModal>
      <Modal
        title={t('key.secretTitle')}
        open={secret !== undefined}
        footer={null}
        onCancel={() => setSecret(undefined)}
      >
        <Alert type="warning" title={t('key.secretHint')} style={{ marginBottom: 16 }} />
        <Typography.Text code copyable>
          {secret}
        </Typography.Text>
      </Modal>
    </Page>
  );
}

/** Draws a new secret for a key, after a question. */
function RotateButton({ name, onRotate }: { readonly name: string; readonly onRotate: () => void }) {
  const { t } = useTexts();
  return (
    <Popconfirm
      title={t('key.rotateConfirm', { name })}
      description={t('key.rotateHint')}
      okText={t('key.rotate')}
      cancelText={t('action.cancel')}
      onConfirm={onRotate}
    >
      <Button type="text" icon={<RedoOutlined />} aria-label={`${t('key.rotate')} ${name}`} />
    </Popconfirm>
  );
}
