import type { ModelsResponse } from '@ai-gateway/contracts';
import { Flex, Table, type TableColumnsType, Tag } from 'antd';
import { useTexts } from '../../texts/texts.tsx';
import { ExactTag } from './exact-tag.tsx';

type Family = ModelsResponse['models'][number];

/** How each model is counted, in the order in which rows are tried. */
export function ModelsTable({ models }: { readonly models: readonly Family[] }) {
  const { t } = useTexts();
  const columns: TableColumnsType<Family> = [
    {
      key: 'match',
      title: t('tokens.match'),
      render: (_, { match }) => (
        <Flex gap={4} wrap style={{ width: 340 }}>
          {match.map((pattern) => (
            <Tag key={pattern}>{pattern}</Tag>
          ))}
        </Flex>
      ),
    },
    { key: 'vocabulary', title: t('tokens.vocabulary'), dataIndex: 'vocabulary' },
    { key: 'template', title: t('tokens.template'), render: (_, { template }) => template ?? '–' },
    {
      key: 'exactText',
      title: t('tokens.exactText'),
      render: (_, { exact_text }) => <ExactTag isExact={exact_text} />,
    },
    {
      key: 'exactChat',
      title: t('tokens.exactChat'),
      render: (_, { exact_chat }) => <ExactTag isExact={exact_chat} />,
    },
  ];
  return (
    <Table
      rowKey={({ match }) => match.join(' ')}
      size="small"
      columns={columns}
      dataSource={models}
      pagination={{ pageSize: 50, hideOnSinglePage: true }}
      scroll={{ x: 'max-content' }}
    />
  );
}
