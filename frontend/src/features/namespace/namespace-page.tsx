import { Alert, Button, Card, Form, Skeleton, Space } from 'antd';
import { Link, useParams } from 'react-router';
import { withoutEmpty } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { dropUnset } from '../../components/drop-unset.ts';
import { NamespaceFields } from '../../components/namespace-fields.tsx';
import { Page } from '../../components/page.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { LimitsCard } from './limits-card.tsx';
import { MatchersCard } from './matchers-card.tsx';
import { PoliciesCard } from './policies-card.tsx';
import { type NamespaceDraft, useNamespace } from './use-namespace.ts';

/** One namespace: who belongs to it, what holds for them, its settings. */
export function NamespacePage() {
  const { id = '' } = useParams();
  const { t } = useTexts();
  const { namespace, update } = useNamespace(id);
  if (namespace.isError) return <Alert type="error" title={namespace.error.message} />;
  if (namespace.isPending) return <Skeleton active />;
  const { data } = namespace;
  return (
    <Page title={data.name} actions={<Link to="/namespaces">{t('namespace.title')}</Link>}>
      <Space orientation="vertical" size={16} style={{ width: '100%' }}>
        <LimitsCard namespaceId={id} />
        <MatchersCard namespaceId={id} />
        <PoliciesCard namespaceId={id} />
        <SettingsCard
          key={data.updatedAt}
          draft={draftOf(data)}
          isSaving={update.isPending}
          onSave={(body) => update.mutateAsync(dropUnset(body, 'cache', 'ttlSeconds'))}
        />
      </Space>
    </Page>
  );
}

interface SettingsCardProps {
  readonly draft: NamespaceDraft;
  readonly isSaving: boolean;
  readonly onSave: (draft: NamespaceDraft) => Promise<unknown>;
}

function SettingsCard({ draft, isSaving, onSave }: SettingsCardProps) {
  const { t } = useTexts();
  const [form] = Form.useForm<NamespaceDraft>();
  const showError = useShowError();
  // With what no field shows: the version that this edit began with.
  const save = (values: NamespaceDraft) =>
    void onSave(withoutEmpty({ ...draft, ...values })).catch((error) => showError(error, form));
  return (
    <Card title={t('namespace.settings')}>
      <Form
        form={form}
        name="settings"
        layout="vertical"
        initialValues={draft}
        onFinish={save}
        style={{ maxWidth: 560 }}
      >
        <NamespaceFields />
        <Button type="primary" htmlType="submit" loading={isSaving}>
          {t('action.save')}
        </Button>
      </Form>
    </Card>
  );
}
