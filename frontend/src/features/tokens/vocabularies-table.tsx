import type { ModelsResponse } from '@ai-gateway/contracts';
import { Table, type TableColumnsType, Tag } from 'antd';
import { useTexts } from '../../texts/texts.tsx';

type Vocabulary = ModelsResponse['vocabularies'][number];

/** What the token service can count with. */
export function VocabulariesTable({ vocabularies }: { readonly vocabularies: readonly Vocabulary[] }) {
  const { t } = useTexts();
  const columns: TableColumnsType<Vocabulary> = [
    { key: 'name', title: t('common.name'), dataIndex: 'name' },
    { key: 'source', title: t('tokens.source'), dataIndex: 'source' },
    { key: 'license', title: t('tokens.license'), dataIndex: 'license' },
    {
      key: 'loaded',
      title: t('tokens.loaded'),
      render: (_, { is_loaded }) => (
        <Tag color={is_loaded ? 'green' : 'default'}>{t(is_loaded ? 'tokens.isLoaded' : 'tokens.isNotLoaded')}</Tag>
      ),
    },
    {
      key: 'size',
      title: t('tokens.size'),
      align: 'right',
      render: (_, { tokens }) => tokens?.toLocaleString() ?? '–',
    },
  ];
  return (
    <Table
      rowKey="name"
      size="small"
      columns={columns}
      dataSource={vocabularies}
      pagination={{ pageSize: 50, hideOnSinglePage: true }}
      scroll={{ x: 'max-content' }}
    />
  );
}
