import { Button, Drawer, Flex, Select, Table, type TableColumnsType, Tag } from 'antd';
import { useState } from 'react';
import { type Language, type Translate, useTexts } from '../../texts/texts.tsx';
import { type LedgerEntry, useLedger } from './use-accounts.ts';

const KINDS = ['top_up', 'refund', 'adjustment', 'usage'] as const;

export interface LedgerDrawerProps {
  readonly accountId: string;
  readonly payer: string;
  readonly onClose: () => void;
}

/** What has been booked on an account, the newest first. */
export function LedgerDrawer({ accountId, payer, onClose }: LedgerDrawerProps) {
  const { t, language } = useTexts();
  const [kind, setKind] = useState<LedgerEntry['kind']>();
  const [cursor, setCursor] = useState<string>();
  const entries = useLedger(accountId, { ...(kind && { kind }), ...(cursor && { cursor }) });
  const older = entries.data?.next;
  return (
    <Drawer title={`${t('account.ledger')}: ${payer}`} open size="large" onClose={onClose}>
      <Flex gap={8} wrap style={{ marginBottom: 12 }}>
        <Select
          aria-label={t('account.kind')}
          placeholder={t('account.anyKind')}
          allowClear
          style={{ minWidth: 140 }}
          options={KINDS.map((value) => ({ value, label: t(`account.${value}`) }))}
          onChange={(value: LedgerEntry['kind'] | undefined) => {
            setCursor(undefined);
            setKind(value);
          }}
        />
        <Button disabled={cursor === undefined} onClick={() => setCursor(undefined)}>
          {t('audit.newest')}
        </Button>
        <Button disabled={older === undefined} onClick={() => setCursor(older)}>
          {t('audit.older')}
        </Button>
      </Flex>
      <Table
        rowKey="id"
        size="small"
        columns={entryColumns(t, language)}
        dataSource={entries.data?.items ?? []}
        loading={entries.isPending}
        pagination={false}
        scroll={{ x: 'max-content' }}
      />
    </Drawer>
  );
}

function entryColumns(t: Translate, language: Language): TableColumnsType<LedgerEntry> {
  return [
    { key: 'at', title: t('audit.at'), render: (_, { at }) => new Date(at).toLocaleString(language) },
    { key: 'kind', title: t('account.kind'), render: (_, { kind }) => <Tag>{t(`account.${kind}`)}</Tag> },
    { key: 'amount', title: t('account.amount'), align: 'right', dataIndex: 'amount' },
    { key: 'balance', title: t('account.balance'), align: 'right', dataIndex: 'balance' },
    { key: 'actor', title: t('audit.actor'), dataIndex: 'actor' },
    {
      key: 'about',
      title: t('account.about'),
      render: (_, { note, usage }) =>
        usage === undefined
          ? (note ?? '')
          : t('account.used', {
              model: usage.model,
              input: usage.inputTokens.toLocaleString(language),
              output: usage.outputTokens.toLocaleString(language),
            }),
    },
  ];
}
