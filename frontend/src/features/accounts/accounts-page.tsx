import { PlusCircleOutlined, UnorderedListOutlined } from '@ant-design/icons';
import { Button, Form, Select, type TableColumnsType, Tag } from 'antd';
import { useState } from 'react';
import { MayChange, RoleProvider, useRole } from '../../access.tsx';
import { useTenantNames, useUserNames } from '../../api/names.ts';
import { ChoiceField, TextField } from '../../components/choice-fields.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { Page } from '../../components/page.tsx';
import { ResourceTable } from '../../components/resource-table.tsx';
import { type Translate, useTexts } from '../../texts/texts.tsx';
import { LedgerDrawer } from './ledger-drawer.tsx';
import {
  type Account,
  type AccountDraft,
  type LedgerEntryDraft,
  newIdempotencyKey,
  useAccounts,
} from './use-accounts.ts';

const STATUSES = ['active', 'frozen'] as const;
const KINDS = ['top_up', 'refund', 'adjustment'] as const;
const COLORS: Readonly<Record<Account['standing'], string>> = { good: 'green', low: 'orange', exhausted: 'red' };

type PayerOf = (account: Account) => string;

/** Wallets of payers: what is left, at which balance they are warned and refused, and what has been booked. */
export function AccountsPage() {
  const role = useRole();
  // A tenant reads its account and changes nothing of it.
  return (
    <RoleProvider role={role === 'tenant_admin' ? 'viewer' : role}>
      <Accounts />
    </RoleProvider>
  );
}

function Accounts() {
  const { t } = useTexts();
  const accounts = useAccounts();
  const tenants = useTenantNames();
  const users = useUserNames();
  const [booking, setBooking] = useState<{ account: Account; draft: Partial<LedgerEntryDraft> }>();
  const [opened, setOpened] = useState<Account>();
  const payerOf: PayerOf = ({ tenantId = '', userId = '' }) =>
    tenants.get(tenantId) ?? users.get(userId) ?? tenantId + userId;
  const actionsOf = (account: Account) => (
    <>
      <MayChange>
        <Button
          type="text"
          icon={<PlusCircleOutlined />}
          aria-label={`${t('account.book')} ${payerOf(account)}`}
          onClick={() => setBooking({ account, draft: { kind: 'top_up', idempotencyKey: newIdempotencyKey() } })}
        />
      </MayChange>
      <Button
        type="text"
        icon={<UnorderedListOutlined />}
        aria-label={`${t('account.ledger')} ${payerOf(account)}`}
        onClick={() => setOpened(account)}
      />
    </>
  );
  return (
    <Page title={t('nav.accounts')}>
      <ResourceTable<Account, AccountDraft>
        title={t('account.title')}
        hint={t('account.hint')}
        newTitle={t('account.new')}
        resource={accounts}
        columns={accountColumns(t, payerOf)}
        nameOf={payerOf}
        newDraft={{ currency: accounts.list.data?.items[0]?.currency ?? 'USD', status: 'active' }}
        draftOf={(row) => {
          const { balance: _, standing: __, ...draft } = draftOf(row);
          return draft;
        }}
        actionsOf={actionsOf}
      >
        <ChoiceField name="tenantId" label={t('user.tenant')} names={tenants} />
        <ChoiceField name="userId" label={t('account.user')} hint={t('account.payerHint')} names={users} />
        <TextField name="currency" label={t('account.currency')} hint={t('account.currencyHint')} isRequired />
        <TextField name="softLimit" label={t('account.softLimit')} hint={t('account.softLimitHint')} />
        <TextField name="hardLimit" label={t('account.hardLimit')} hint={t('account.hardLimitHint')} />
        <Form.Item name="status" label={t('user.status')} extra={t('account.statusHint')}>
          <Select options={STATUSES.map((value) => ({ value, label: t(`account.${value}`) }))} />
        </Form.Item>
      </ResourceTable>
      <DraftModal<LedgerEntryDraft>
        title={`${t('account.book')}: ${booking === undefined ? '' : payerOf(booking.account)}`}
        draft={booking?.draft}
        isSaving={accounts.book.isPending}
        onSave={(body) => accounts.book.mutateAsync({ id: booking?.account.id ?? '', body })}
        onClose={() => setBooking(undefined)}
      >
        <Form.Item name="kind" label={t('account.kind')}>
          <Select options={KINDS.map((value) => ({ value, label: t(`account.${value}`) }))} />
        </Form.Item>
        <TextField name="amount" label={t('account.amount')} hint={t('account.amountHint')} isRequired />
        <TextField name="note" label={t('account.note')} />
      </DraftModal>
      {opened && <LedgerDrawer accountId={opened.id} payer={payerOf(opened)} onClose={() => setOpened(undefined)} />}
    </Page>
  );
}

function accountColumns(t: Translate, payerOf: PayerOf): TableColumnsType<Account> {
  return [
    { key: 'payer', title: t('account.payer'), render: (_, account) => payerOf(account) },
    {
      key: 'balance',
      title: t('account.balance'),
      align: 'right',
      render: (_, { balance, currency }) => `${balance} ${currency}`,
    },
    {
      key: 'standing',
      title: t('account.standing'),
      render: (_, { standing, status }) => (
        <>
          <Tag color={COLORS[standing]}>{t(`account.${standing}`)}</Tag>
          {status === 'frozen' && <Tag color="blue">{t('account.frozen')}</Tag>}
        </>
      ),
    },
    {
      key: 'softLimit',
      title: t('account.softLimit'),
      align: 'right',
      render: (_, { softLimit }) => softLimit ?? t('common.none'),
    },
    {
      key: 'hardLimit',
      title: t('account.hardLimit'),
      align: 'right',
      render: (_, { hardLimit }) => hardLimit ?? t('common.none'),
    },
  ];
}
