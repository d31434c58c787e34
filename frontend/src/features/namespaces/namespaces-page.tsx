import { PlusOutlined } from '@ant-design/icons';
import { Button, Input, Switch, Table, type TableColumnsType, Tag, Typography } from 'antd';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { MayChange } from '../../access.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { dropUnset } from '../../components/drop-unset.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { NamespaceFields } from '../../components/namespace-fields.tsx';
import { Page } from '../../components/page.tsx';
import { RowActions } from '../../components/row-actions.tsx';
import { useShowError } from '../../show-error.ts';
import { type Translate, useTexts } from '../../texts/texts.tsx';
import { type Namespace, type NamespaceDraft, type NamespaceLive, useLive, useNamespaces } from './use-namespaces.ts';

const NEW: Partial<NamespaceDraft> = { authMode: 'key', isEnabled: true, maxWaitMs: 0, maxWaiting: 100, weight: 1 };

/** All namespaces with what happens in them right now. */
export function NamespacesPage() {
  const { t } = useTexts();
  const navigate = useNavigate();
  const showError = useShowError();
  const [page, setPage] = useState(1);
  const [keyword, setKeyword] = useState('');
  const [draft, setDraft] = useState<Partial<NamespaceDraft>>();
  const { list, create, update, remove } = useNamespaces(page, keyword);
  const live = useLive();
  const columns = namespaceColumns(t, live, {
    onToggle: (row) => update.mutate({ ...row, isEnabled: !row.isEnabled }, { onError: (error) => showError(error) }),
    onEdit: (row) => void navigate(`/namespaces/${row.id}`),
    onDelete: (row) => remove.mutate(row.id, { onError: (error) => showError(error) }),
  });

  return (
    <Page
      title={t('namespace.title')}
      actions={
        <>
          <Input.Search
            allowClear
            placeholder={t('common.search')}
            aria-label={t('common.search')}
            onSearch={(value) => {
              setPage(1);
              setKeyword(value);
            }}
            style={{ width: 220 }}
          />
          <MayChange>
            <Button type="primary" icon={<PlusOutlined />} onClick={() => setDraft(NEW)}>
              {t('namespace.new')}
            </Button>
          </MayChange>
        </>
      }
    >
      <Table
        rowKey="id"
        columns={columns}
        dataSource={list.data?.items ?? []}
        loading={list.isPending}
        scroll={{ x: 'max-content' }}
        pagination={{
          current: page,
          pageSize: 20,
          total: list.data?.total ?? 0,
          onChange: setPage,
          hideOnSinglePage: true,
        }}
      />
      <DraftModal<NamespaceDraft>
        title={t('namespace.new')}
        draft={draft}
        isSaving={create.isPending}
        onSave={(body) => create.mutateAsync(dropUnset(body, 'cache', 'ttlSeconds'))}
        onClose={() => setDraft(undefined)}
      >
        <NamespaceFields />
      </DraftModal>
    </Page>
  );
}

interface Actions {
  readonly onToggle: (row: Namespace) => void;
  readonly onEdit: (row: Namespace) => void;
  readonly onDelete: (row: Namespace) => void;
}

function namespaceColumns(
  t: Translate,
  live: ReadonlyMap<string, NamespaceLive>,
  actions: Actions,
): TableColumnsType<Namespace> {
  const number = (key: string, title: string, text: (numbers: NamespaceLive | undefined) => string) => ({
    key,
    title,
    align: 'right' as const,
    render: (_: unknown, { id }: Namespace) => (
      <span style={{ fontVariantNumeric: 'tabular-nums' }}>{text(live.get(id))}</span>
    ),
  });
  return [
    {
      key: 'name',
      title: t('common.name'),
      render: (_, row) => (
        <>
          <Link to={`/namespaces/${row.id}`}>{row.name}</Link>
          <br />
          <Typography.Text type="secondary">{row.code}</Typography.Text>
        </>
      ),
    },
    {
      key: 'auth',
      title: t('namespace.authMode'),
      render: (_, { authMode }) => <Tag color={authMode === 'open' ? 'gold' : 'blue'}>{authMode}</Tag>,
    },
    number('rps', t('namespace.rps'), (numbers) => rate(numbers?.requestsPerSecond)),
    number('refused', t('namespace.refused'), (numbers) => rate(numbers?.refusedPerSecond)),
    number(
      'tokens',
      t('namespace.tokens'),
      (numbers) => `${rate(numbers?.inputTokensPerSecond)} / ${rate(numbers?.outputTokensPerSecond)}`,
    ),
    number('inFlight', t('namespace.inFlight'), (numbers) => String(numbers?.inFlight ?? 0)),
    {
      key: 'enabled',
      title: t('common.status'),
      render: (_, row) => (
        <MayChange otherwise={<EnabledTag isEnabled={row.isEnabled} />}>
          <Switch
            aria-label={`${t('common.status')} ${row.name}`}
            checked={row.isEnabled}
            onChange={() => actions.onToggle(row)}
          />
        </MayChange>
      ),
    },
    {
      key: 'actions',
      title: t('common.actions'),
      render: (_, row) => (
        <RowActions
          name={row.name}
          deleteHint={t('namespace.deleteHint')}
          onEdit={() => actions.onEdit(row)}
          onDelete={() => actions.onDelete(row)}
        />
      ),
    },
  ];
}

/** A rate with as many digits as mean something. */
function rate(value = 0): string {
  return value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 });
}
