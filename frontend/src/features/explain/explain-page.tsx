import { Alert, Button, Card, Flex, Input, Skeleton, Space, Tabs } from 'antd';
import { useSearchParams } from 'react-router';
import { Page } from '../../components/page.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { ExplanationView } from './explanation-view.tsx';
import { RequestForm } from './request-form.tsx';
import { useExplain, useExplainedRecord } from './use-explain.ts';

/** Why a request is decided as it is: one that is typed, or the one of the log that the address names. */
export function ExplainPage() {
  const { t } = useTexts();
  const [search, setSearch] = useSearchParams();
  const requestId = search.get('requestId') ?? undefined;
  return (
    <Page title={t('explain.title')}>
      <Tabs
        // Another address may bring a request of the log.
        key={requestId}
        defaultActiveKey={requestId === undefined ? 'typed' : 'recorded'}
        items={[
          { key: 'typed', label: t('explain.typed'), children: <TypedExplanation /> },
          {
            key: 'recorded',
            label: t('explain.recorded'),
            children: <RecordedExplanation requestId={requestId} onChoose={(id) => setSearch({ requestId: id })} />,
          },
        ]}
      />
    </Page>
  );
}

function TypedExplanation() {
  const { t } = useTexts();
  const explain = useExplain();
  return (
    <Space orientation="vertical" size={16} style={{ width: '100%' }}>
      <Card>
        <RequestForm isAsking={explain.isPending} onAsk={explain.mutateAsync} />
      </Card>
      {explain.data && (
        <Card title={t('explain.result')}>
          <ExplanationView explanation={explain.data} />
        </Card>
      )}
    </Space>
  );
}

interface RecordedExplanationProps {
  readonly requestId: string | undefined;
  readonly onChoose: (requestId: string) => void;
}

function RecordedExplanation({ requestId, onChoose }: RecordedExplanationProps) {
  const { t } = useTexts();
  return (
    <Space orientation="vertical" size={16} style={{ width: '100%' }}>
      <Input.Search
        aria-label={t('request.id')}
        placeholder={t('request.id')}
        defaultValue={requestId ?? ''}
        maxLength={64}
        enterButton={t('explain.ask')}
        onSearch={(typed) => typed.trim() !== '' && onChoose(typed.trim())}
        style={{ maxWidth: 560 }}
      />
      {requestId !== undefined && <ExplainedRecord requestId={requestId} />}
    </Space>
  );
}

function ExplainedRecord({ requestId }: { readonly requestId: string }) {
  const { t } = useTexts();
  const { data, error, isPending, isFetching, refetch } = useExplainedRecord(requestId);
  if (error !== null) return <Alert type="error" title={error.message || t('failure.offline')} />;
  if (isPending) return <Skeleton active />;
  return (
    <Card
      title={
        <Flex gap={8} wrap>
          {t('explain.resultOf')} <code>{requestId}</code>
        </Flex>
      }
      extra={
        <Button disabled={isFetching} onClick={() => void refetch()}>
          {t('explain.again')}
        </Button>
      }
    >
      <ExplanationView explanation={data} />
    </Card>
  );
}
