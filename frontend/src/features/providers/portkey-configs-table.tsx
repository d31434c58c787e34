import { PlusOutlined } from '@ant-design/icons';
import { Button, Flex, Form, Input, Table, type TableColumnsType } from 'antd';
import { useState } from 'react';
import { MayChange } from '../../access.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { RowActions } from '../../components/row-actions.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { faultOfRouting, routingIn, textOfRouting } from './portkey-text.ts';
import { PortkeyVersions } from './portkey-versions.tsx';
import { type PortkeyConfig, type PortkeyConfigDraft, usePortkeyConfigs } from './use-portkey-configs.ts';
import type { Provider } from './use-providers.ts';

/** A config as the form has it: its routing as JSON text. */
interface FormDraft {
  readonly name: string;
  readonly description?: string;
  readonly isEnabled: boolean;
  readonly version?: number;
  readonly routing: string;
}

export interface PortkeyConfigsTableProps {
  readonly providerId: string;
  /** Providers that a config can name. */
  readonly providers: readonly Provider[];
}

/** The configs of a Portkey gateway, of which one at most is active. */
export function PortkeyConfigsTable({ providerId, providers }: PortkeyConfigsTableProps) {
  const { t } = useTexts();
  const showError = useShowError();
  const { list, save, switchTo, remove } = usePortkeyConfigs(providerId);
  const [editing, setEditing] = useState<{ id: string | undefined; draft: Partial<FormDraft> }>();
  const configs = list.data?.items ?? [];
  const members = providers.filter(({ dialect }) => dialect !== 'portkey');
  const edit = (row: PortkeyConfig, routing = textOfRouting(row)) => {
    const { name, description, isEnabled, version } = draftOf(row);
    setEditing({ id: row.id, draft: { name, description, isEnabled, version, routing } });
  };
  const example = {
    strategy: { mode: 'fallback' },
    targets: members.slice(0, 2).map(({ id }) => ({ providerId: id })),
  };
  const columns: TableColumnsType<PortkeyConfig> = [
    { key: 'name', title: t('portkey.config'), dataIndex: 'name' },
    { key: 'strategy', title: t('provider.strategy'), render: (_, { strategy }) => strategy.mode },
    { key: 'targets', title: t('portkey.targets'), render: (_, { targets }) => targets.length },
    { key: 'version', title: t('portkey.version'), dataIndex: 'version' },
    { key: 'enabled', title: t('common.status'), render: (_, { isEnabled }) => <EnabledTag isEnabled={isEnabled} /> },
    {
      key: 'actions',
      title: t('common.actions'),
      render: (_, row) => (
        <Flex gap={4} align="center">
          <MayChange>
            <Button
              size="small"
              aria-label={`${t(row.isEnabled ? 'portkey.deactivate' : 'portkey.activate')} ${row.name}`}
              onClick={() =>
                switchTo.mutate(
                  { id: row.id, to: row.isEnabled ? 'deactivate' : 'activate' },
                  { onError: (error) => showError(error) },
                )
              }
            >
              {t(row.isEnabled ? 'portkey.deactivate' : 'portkey.activate')}
            </Button>
          </MayChange>
          <RowActions
            name={row.name}
            onEdit={() => edit(row)}
            onDelete={() => remove.mutate(row.id, { onError: (error) => showError(error) })}
          />
        </Flex>
      ),
    },
  ];
  return (
    <>
      <Table
        rowKey="id"
        size="small"
        columns={columns}
        dataSource={configs}
        loading={list.isPending}
        pagination={false}
        expandable={{
          expandedRowRender: (row) => <PortkeyVersions id={row.id} onRestore={(routing) => edit(row, routing)} />,
        }}
      />
      <Flex justify="end" style={{ marginTop: 8 }}>
        <MayChange>
          <Button
            icon={<PlusOutlined />}
            onClick={() =>
              setEditing({
                id: undefined,
                draft: {
                  isEnabled: configs.every(({ isEnabled }) => !isEnabled),
                  routing: JSON.stringify(example, undefined, 2),
                },
              })
            }
          >
            {t('portkey.new')}
          </Button>
        </MayChange>
      </Flex>
      <DraftModal<FormDraft>
        title={editing?.id === undefined ? t('portkey.new') : t('action.edit')}
        draft={editing?.draft}
        width={760}
        isSaving={save.isPending}
        onSave={({ routing, ...draft }) => {
          const body: PortkeyConfigDraft & { version?: number } = { ...draft, ...routingIn(routing), providerId };
          return save.mutateAsync({ id: editing?.id, body });
        }}
        onClose={() => setEditing(undefined)}
      >
        <ConfigFields providerId={providerId} members={members} />
      </DraftModal>
    </>
  );
}

function ConfigFields({ providerId, members }: { readonly providerId: string; readonly members: readonly Provider[] }) {
  const { t } = useTexts();
  const ids = members.map(({ id, name }) => `${name} = ${id}`).join(', ');
  return (
    <>
      <Form.Item
        name="name"
        label={t('common.name')}
        extra={t('namespace.codeHint')}
        rules={[{ required: true, message: t('common.required') }]}
      >
        <Input maxLength={50} autoFocus />
      </Form.Item>
      <Form.Item name="description" label={t('common.description')}>
        <Input maxLength={500} />
      </Form.Item>
      <Form.Item
        name="routing"
        label={t('portkey.routing')}
        extra={t('portkey.routingHint', { ids })}
        rules={[
          {
            validator: async (_, text: string) => {
              const fault = faultOfRouting(text, providerId);
              if (fault !== undefined) throw new Error(fault);
            },
          },
        ]}
      >
        <Input.TextArea rows={16} spellCheck={false} style={{ fontFamily: 'monospace' }} />
      </Form.Item>
    </>
  );
}
