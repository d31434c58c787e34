import type { UsageDimension, UsageSort } from '@ai-gateway/contracts';
import { type TableColumnsType, Tag } from 'antd';
import type { ReactNode } from 'react';
import type { Translate } from '../../texts/texts.tsx';
import type { UsageRow } from './use-usage.ts';

const COUNTS = ['requests', 'refused', 'cut', 'errors', 'inputTokens', 'outputTokens'] as const;

/** The largest first, which is what one looks for. */
const SORT_DIRECTIONS: ('ascend' | 'descend')[] = ['descend', 'ascend'];

type Sums = Pick<UsageRow, (typeof COUNTS)[number] | 'cost' | 'unpricedRequests'>;

/** A column of sums; its name is also what rows are sorted by. */
export interface SumColumn {
  readonly name: Exclude<UsageSort, 'time'>;
  readonly title: string;
  readonly render: (sums: Sums) => ReactNode;
}

/** Columns of sums; of cost only for those who are told it. */
export function sumColumns(t: Translate, totals: Sums | undefined): readonly SumColumn[] {
  const counts = COUNTS.map((name) => ({
    name,
    title: t(`usage.${name}`),
    render: (sums: Sums) => sums[name].toLocaleString(),
  }));
  if (totals?.cost === undefined) return counts;
  return [...counts, { name: 'cost', title: t('usage.cost'), render: (sums) => costOf(t, sums) }];
}

/** Columns of what is grouped by, then those of sums. */
export function usageColumns(
  t: Translate,
  groupBy: readonly UsageDimension[],
  sums: readonly SumColumn[],
  sorted: { readonly sort: UsageSort; readonly order: 'asc' | 'desc' },
): TableColumnsType<UsageRow> {
  return [
    ...groupBy.map((dimension) => ({
      key: dimension,
      title: t(`usageBy.${dimension}`),
      render: (_: unknown, row: UsageRow) => labelOf(dimension, row),
    })),
    ...sums.map(({ name, title, render }) => ({
      key: name,
      title,
      align: 'right' as const,
      sorter: true,
      sortDirections: SORT_DIRECTIONS,
      sortOrder: sorted.sort === name ? (`${sorted.order}end` as const) : null,
      render: (_: unknown, row: UsageRow) => render(row),
    })),
  ];
}

function labelOf(dimension: UsageDimension, row: UsageRow): string {
  switch (dimension) {
    case 'namespace':
      return row.namespaceName ?? row.namespaceId ?? '–';
    case 'virtualKey':
      return row.virtualKeyName ?? row.virtualKeyId ?? '–';
    case 'user':
      return row.userName ?? row.userId ?? '–';
    case 'tenant':
      return row.tenantName ?? row.tenantId ?? '–';
    case 'provider':
      return row.providerName ?? row.providerId ?? '–';
    case 'model':
      return row.model ?? '–';
    case 'hour':
      return row.time?.slice(0, 16).replace('T', ' ') ?? '–';
    case 'day':
      return row.time?.slice(0, 10) ?? '–';
    default:
      return dimension satisfies never;
  }
}

function costOf(t: Translate, { cost, unpricedRequests = 0 }: Sums): ReactNode {
  return (
    <>
      {unpricedRequests > 0 && (
        <Tag color="orange">{t('usage.unpriced', { count: unpricedRequests.toLocaleString() })}</Tag>
      )}
      {cost}
    </>
  );
}
