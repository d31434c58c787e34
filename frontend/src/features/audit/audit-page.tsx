import { Button, Input, Select, Table, type TableColumnsType, Tag, Typography } from 'antd';
import { useState } from 'react';
import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { Page } from '../../components/page.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { type Difference, differences } from './differences.ts';

type AuditEntry = Schemas['AuditEntry'];

const ACTIONS = ['create', 'update', 'delete'] as const;
const COLOURS = { create: 'green', update: 'blue', delete: 'red' } as const;

/** Who changed what and when, the newest first. */
export function AuditPage() {
  const { t, language } = useTexts();
  const [filters, setFilters] = useState<{ rowId?: string; action?: AuditEntry['action'] }>({});
  const [next, setNext] = useState<number>();
  const filter = (changed: typeof filters) => {
    setNext(undefined);
    setFilters({ ...filters, ...changed });
  };
  const { rowId, action } = filters;
  const query = { size: 20, ...(rowId && { rowId }), ...(action && { action }), ...(next !== undefined && { next }) };
  const entries = useRead(['audit', query], () => dataOf(api.GET('/api/v2/audit', { params: { query } })));
  const older = entries.data?.next;
  const columns: TableColumnsType<AuditEntry> = [
    { key: 'at', title: t('audit.at'), render: (_, { at }) => new Date(at).toLocaleString(language) },
    { key: 'actor', title: t('audit.actor'), dataIndex: 'actor' },
    {
      key: 'action',
      title: t('audit.action'),
      render: (_, entry) => <Tag color={COLOURS[entry.action]}>{t(`audit.${entry.action}`)}</Tag>,
    },
    { key: 'kind', title: t('audit.kind'), dataIndex: 'kind' },
    { key: 'row', title: t('audit.row'), render: (_, entry) => <Typography.Text code>{entry.rowId}</Typography.Text> },
  ];
  return (
    <Page
      title={t('audit.title')}
      actions={
        <>
          <Input.Search placeholder={t('audit.row')} allowClear onSearch={(wanted) => filter({ rowId: wanted })} />
          <Select
            aria-label={t('audit.action')}
            placeholder={t('audit.anyAction')}
            allowClear
            style={{ minWidth: 140 }}
            options={ACTIONS.map((value) => ({ value, label: t(`audit.${value}`) }))}
            onChange={(value: AuditEntry['action'] | undefined) => {
              const { action: _, ...others } = filters;
              setNext(undefined);
              setFilters(value === undefined ? others : { ...others, action: value });
            }}
          />
          <Button disabled={next === undefined} onClick={() => setNext(undefined)}>
            {t('audit.newest')}
          </Button>
          <Button disabled={older === undefined} onClick={() => setNext(older)}>
            {t('audit.older')}
          </Button>
        </>
      }
    >
      <Table
        rowKey="id"
        columns={columns}
        dataSource={entries.data?.items ?? []}
        loading={entries.isPending}
        pagination={false}
        scroll={{ x: 'max-content' }}
        expandable={{ expandedRowRender: (entry) => <Differences entry={entry} /> }}
      />
    </Page>
  );
}

function Differences({ entry }: { readonly entry: AuditEntry }) {
  const { t } = useTexts();
  const columns: TableColumnsType<Difference> = [
    { key: 'field', title: t('audit.field'), dataIndex: 'field' },
    {
      key: 'before',
      title: t('audit.before'),
      render: (_, { before }) => <Typography.Text delete>{before}</Typography.Text>,
    },
    {
      key: 'after',
      title: t('audit.after'),
      render: (_, { after }) => <Typography.Text strong>{after}</Typography.Text>,
    },
  ];
  const rows = differences(entry.before, entry.after);
  return <Table rowKey="field" size="small" columns={columns} dataSource={[...rows]} pagination={false} />;
}
