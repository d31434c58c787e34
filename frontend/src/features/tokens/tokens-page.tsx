import { Alert, Card, Space, Typography } from 'antd';
import { Page } from '../../components/page.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { CalibrationsTable } from './calibrations-table.tsx';
import { ModelsTable } from './models-table.tsx';
import { suggestedModels } from './suggestions.ts';
import { TokenizeCard } from './tokenize-card.tsx';
import { useModels } from './use-tokens.ts';
import { VocabulariesTable } from './vocabularies-table.tsx';

/** What texts count, and what is known about how models count. */
export function TokensPage() {
  const { t } = useTexts();
  const { data, error, isPending } = useModels();
  const { models = [], vocabularies = [], calibrations = {} } = data ?? {};
  return (
    <Page title={t('tokens.title')}>
      <Space orientation="vertical" size={16} style={{ width: '100%' }}>
        <TokenizeCard models={suggestedModels(models)} />
        {error !== null && <Alert type="error" title={error.message || t('failure.offline')} />}
        <Card title={t('tokens.models')} loading={isPending}>
          <Typography.Paragraph type="secondary">{t('tokens.modelsHint')}</Typography.Paragraph>
          <ModelsTable models={models} />
        </Card>
        <Card title={t('tokens.vocabularies')} loading={isPending}>
          <VocabulariesTable vocabularies={vocabularies} />
        </Card>
        {Object.keys(calibrations).length > 0 && (
          <Card title={t('tokens.calibrations')}>
            <Typography.Paragraph type="secondary">{t('tokens.calibrationsHint')}</Typography.Paragraph>
            <CalibrationsTable calibrations={calibrations} />
          </Card>
        )}
      </Space>
    </Page>
  );
}
