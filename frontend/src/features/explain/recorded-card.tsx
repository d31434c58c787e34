import { Card, Flex, Typography } from 'antd';
import { RequestTags } from '../../components/request-tags.tsx';
import { useTexts } from '../../texts/texts.tsx';
import type { Explanation } from './use-explain.ts';

/** What happened to a request of the log then, and what is not known of it any more. */
export function RecordedCard({ explanation: { recorded, notRecorded } }: { readonly explanation: Explanation }) {
  const { t, language } = useTexts();
  if (recorded === undefined) return null;
  const { at, errorCode, inputTokens, outputTokens } = recorded;
  return (
    <Card size="small" title={t('explain.then')}>
      <Flex gap={8} wrap align="center">
        {new Date(at).toLocaleString(language)} <RequestTags request={recorded} />
        {errorCode && <Typography.Text code>{errorCode}</Typography.Text>}
        <span>
          {t('request.tokens')}: {inputTokens.toLocaleString()} / {outputTokens.toLocaleString()}
        </span>
      </Flex>
      <Typography.Paragraph type="secondary" style={{ margin: '12px 0 0' }}>
        {t('explain.nowHint')}
      </Typography.Paragraph>
      {notRecorded.length > 0 && (
        <ul style={{ marginBottom: 0 }}>
          {notRecorded.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
    </Card>
  );
}
