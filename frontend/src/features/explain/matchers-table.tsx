import { Table, type TableColumnsType, Typography } from 'antd';
import { useConditionText } from '../../components/condition-fields.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { ResultTag } from './result-tag.tsx';
import type { Explanation } from './use-explain.ts';

type Matcher = Explanation['matchers'][number];

/** The matchers in the order in which they were tried. */
export function MatchersTable({ explanation }: { readonly explanation: Explanation }) {
  const { t } = useTexts();
  const textOf = useConditionText();
  const { matchers, matchersTried, namespace } = explanation;
  if (matchersTried === 0) return null;
  const columns: TableColumnsType<Matcher> = [
    { key: 'condition', title: t('matcher.condition'), render: (_, { condition }) => textOf(condition) },
    { key: 'priority', title: t('common.priority'), dataIndex: 'priority', align: 'right' },
    {
      key: 'namespace',
      title: t('request.namespace'),
      render: (_, { namespaceId }) => (namespaceId === namespace?.id ? namespace.code : namespaceId),
    },
    {
      key: 'result',
      title: t('explain.result'),
      render: (_, { isMatched }) => (
        <ResultTag tone={isMatched ? 'good' : 'neutral'}>
          {t(isMatched ? 'explain.matches' : 'explain.doesNotMatch')}
        </ResultTag>
      ),
    },
  ];
  return (
    <>
      <Typography.Paragraph type="secondary" style={{ margin: '8px 0' }}>
        {t('explain.matchersTried', { count: matchersTried.toLocaleString() })}
      </Typography.Paragraph>
      <Table
        rowKey="matcherId"
        size="small"
        columns={columns}
        dataSource={matchers}
        pagination={{ pageSize: 10, hideOnSinglePage: true }}
        scroll={{ x: 'max-content' }}
      />
    </>
  );
}
