import { usageSort } from '@ai-gateway/contracts';
import { DownloadOutlined } from '@ant-design/icons';
import { Alert, Button, Table } from 'antd';
import { useSearchParams } from 'react-router';
import { Page } from '../../components/page.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { type SumColumn, sumColumns, usageColumns } from './usage-columns.tsx';
import { UsageFilters } from './usage-filters.tsx';
import { searchOf, type UsageView, viewIn } from './usage-view.ts';
import { type Usage, type UsageRow, usageTableUrl, useUsage } from './use-usage.ts';

/** What was used, by groups, with totals. The address holds the view, so that it can be shared. */
export function UsagePage() {
  const { t } = useTexts();
  const [search, setSearch] = useSearchParams();
  const view = viewIn(search);
  const { data, error, isPending, isPlaceholderData } = useUsage(view);
  const show = (wanted: UsageView) => setSearch(searchOf(wanted));
  return (
    <Page
      title={t('usage.title')}
      actions={
        <Button icon={<DownloadOutlined />} href={usageTableUrl(view)} download="usage.csv">
          {t('usage.export')}
        </Button>
      }
    >
      <UsageFilters view={view} onView={show} />
      {error && <Alert type="error" title={error.message || t('failure.offline')} style={{ marginBottom: 16 }} />}
      {data?.isTruncated && (
        <Alert type="info" title={t('usage.more', { count: data.items.length })} style={{ marginBottom: 16 }} />
      )}
      <UsageTable usage={data} view={view} isLoading={isPending || isPlaceholderData} onView={show} />
    </Page>
  );
}

interface UsageTableProps {
  readonly usage: Usage | undefined;
  readonly view: UsageView;
  readonly isLoading: boolean;
  readonly onView: (view: UsageView) => void;
}

function UsageTable({ usage, view, isLoading, onView }: UsageTableProps) {
  const { t } = useTexts();
  const groupBy = usage?.groupBy ?? [];
  const sums = sumColumns(t, usage?.totals);
  const sorted = sortingOf(view);
  const sort = (name: unknown, order: unknown) => {
    const { sort: _, order: __, ...others } = view;
    const { success, data } = usageSort.safeParse(name);
    onView(success && order ? { ...others, sort: data, order: order === 'ascend' ? 'asc' : 'desc' } : others);
  };
  return (
    <Table<UsageRow>
      rowKey={keyOf}
      size="small"
      columns={usageColumns(t, groupBy, sums, sorted)}
      dataSource={usage?.items ?? []}
      loading={isLoading}
      pagination={false}
      scroll={{ x: 'max-content' }}
      onChange={(_, __, sorter) => !Array.isArray(sorter) && sort(sorter.columnKey, sorter.order)}
      summary={() => usage && <TotalRow totals={usage.totals} sums={sums} groups={groupBy.length} />}
    />
  );
}

/** What a group is of. */
function keyOf({ time, namespaceId, virtualKeyId, userId, tenantId, providerId, model }: UsageRow): string {
  return JSON.stringify([time, namespaceId, virtualKeyId, userId, tenantId, providerId, model]);
}

/** As the config center sorts unless it is told otherwise. */
function sortingOf({ sort, order, groupBy }: UsageView) {
  const hasTime = groupBy.includes('hour') || groupBy.includes('day');
  const by = sort ?? (hasTime ? 'time' : 'requests');
  return { sort: by, order: order ?? (by === 'time' ? 'asc' : 'desc') } as const;
}

interface TotalRowProps {
  readonly totals: Usage['totals'];
  readonly sums: readonly SumColumn[];
  readonly groups: number;
}

/** Without groups the one row is the total. */
function TotalRow({ totals, sums, groups }: TotalRowProps) {
  const { t } = useTexts();
  if (groups === 0) return null;
  return (
    <Table.Summary.Row>
      <Table.Summary.Cell index={0} colSpan={groups}>
        <strong>{t('usage.total')}</strong>
      </Table.Summary.Cell>
      {sums.map(({ name, render }, index) => (
        <Table.Summary.Cell key={name} index={groups + index} align="right">
          <strong>{render(totals)}</strong>
        </Table.Summary.Cell>
      ))}
    </Table.Summary.Row>
  );
}
