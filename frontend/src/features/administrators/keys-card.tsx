import { PlusOutlined } from '@ant-design/icons';
import { Button, Card, Form, Input, Popconfirm, Select, Switch, Table, type TableColumnsType, Typography } from 'antd';
import { useState } from 'react';
import { EnabledField } from '../../components/common-fields.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import {
  type Administrator,
  type AdministratorKey,
  type AdministratorKeyDraft,
  useKeys,
} from './use-administrators.ts';

/** Public keys that log administrators in, to enable, disable, add and delete. */
export function KeysCard({ administrators }: { readonly administrators: readonly Administrator[] }) {
  const { t } = useTexts();
  const showError = useShowError();
  const { list, add, update, remove } = useKeys();
  const [draft, setDraft] = useState<Partial<AdministratorKeyDraft>>();
  const onError = (error: Error) => showError(error);
  const names = new Map(administrators.map(({ id, name }) => [id, name]));
  const columns: TableColumnsType<AdministratorKey> = [
    {
      key: 'of',
      title: t('administrator.of'),
      render: (_, { administratorId }) => names.get(administratorId) ?? administratorId,
    },
    {
      key: 'fingerprint',
      title: t('administrator.fingerprint'),
      render: (_, { fingerprint }) => (
        <Typography.Text code copyable={{ text: fingerprint }}>
          {fingerprint.slice(0, 16)}…
        </Typography.Text>
      ),
    },
    { key: 'comment', title: t('administrator.comment'), dataIndex: 'comment' },
    {
      key: 'enabled',
      title: t('common.status'),
      render: (_, row) => (
        <Switch
          checked={row.isEnabled}
          aria-label={`${t('common.status')} ${row.fingerprint.slice(0, 16)}`}
          onChange={(isEnabled) => update.mutate({ ...row, isEnabled }, { onError })}
        />
      ),
    },
    {
      key: 'actions',
      title: t('common.actions'),
      render: (_, { fingerprint }) => (
        <Popconfirm
          title={t('confirm.delete', { name: fingerprint.slice(0, 16) })}
          okText={t('action.delete')}
          cancelText={t('action.cancel')}
          onConfirm={() => remove.mutate(fingerprint, { onError })}
        >
          <Button size="small" danger>
            {t('action.delete')}
          </Button>
        </Popconfirm>
      ),
    },
  ];
  return (
    <Card
      title={t('administrator.keys')}
      extra={
        <Button icon={<PlusOutlined />} onClick={() => setDraft({ isEnabled: true })}>
          {t('administrator.newKey')}
        </Button>
      }
    >
      <Table
        rowKey="fingerprint"
        columns={columns}
        dataSource={list.data?.items ?? []}
        loading={list.isPending}
        pagination={false}
        scroll={{ x: 'max-content' }}
      />
      <DraftModal<AdministratorKeyDraft>
        title={t('administrator.newKey')}
        draft={draft}
        isSaving={add.isPending}
        onSave={(body) => add.mutateAsync(body)}
        onClose={() => setDraft(undefined)}
      >
        <KeyFields administrators={administrators} />
      </DraftModal>
    </Card>
  );
}

function KeyFields({ administrators }: { readonly administrators: readonly Administrator[] }) {
  const { t } = useTexts();
  const rules = [{ required: true, message: t('common.required') }];
  return (
    <>
      <Form.Item name="administratorId" label={t('administrator.of')} rules={rules}>
        <Select options={administrators.map(({ id, name }) => ({ value: id, label: name }))} />
      </Form.Item>
      <Form.Item name="publicKey" label={t('administrator.publicKey')} rules={rules}>
        <Input />
      </Form.Item>
      <Form.Item name="comment" label={t('administrator.comment')}>
        <Input maxLength={200} />
      </Form.Item>
      <EnabledField />
    </>
  );
}
