import { Alert, Flex, Space, Spin, Statistic, Tag, Typography } from 'antd';
import { useTexts } from '../../texts/texts.tsx';
import { ExactTag } from './exact-tag.tsx';
import { TokenPieces } from './token-pieces.tsx';
import { type Question, useTokens } from './use-tokens.ts';

/** How many tokens a text has, and which. */
export function TokenizeResult({ question }: { readonly question: Question }) {
  const { t } = useTexts();
  const { data, error, isPlaceholderData } = useTokens(question);
  if (error !== null) return <Alert type="error" title={error.message || t('failure.offline')} />;
  if (data === undefined) return <Spin />;
  const { text } = question;
  return (
    <Space orientation="vertical" size={16} style={{ width: '100%', opacity: isPlaceholderData ? 0.6 : 1 }}>
      <Flex role="status" gap={32} wrap align="center">
        <Statistic title={t('tokens.count')} value={data.token_count} />
        <Statistic title={t('tokens.characters')} value={Array.from(text).length} />
        <Statistic title={t('tokens.bytes')} value={new TextEncoder().encode(text).length} />
        <Flex gap={4} wrap>
          <ExactTag isExact={data.exact} />
          <Tag>
            {t('tokens.vocabulary')}: {data.vocabulary}
          </Tag>
        </Flex>
      </Flex>
      {!data.exact && data.tokens.length !== data.token_count && (
        <Typography.Text type="secondary">
          {t('tokens.corrected', { pieces: data.tokens.length.toLocaleString() })}
        </Typography.Text>
      )}
      <TokenPieces tokens={data.tokens} />
    </Space>
  );
}
