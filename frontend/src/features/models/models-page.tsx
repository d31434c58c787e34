import { modelCapability } from '@ai-gateway/contracts';
import { Form, Select, type TableColumnsType, Tag } from 'antd';
import { useNamespaceNames, useProviderNames } from '../../api/names.ts';
import { ChoiceField, NamesField, TextField } from '../../components/choice-fields.tsx';
import { EnabledField, NumberField, PriorityField } from '../../components/common-fields.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { Page } from '../../components/page.tsx';
import { ResourceTable } from '../../components/resource-table.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { FallbacksTable } from './fallbacks-table.tsx';
import {
  type Model,
  type ModelDraft,
  type Redirect,
  type RedirectDraft,
  useModels,
  useRedirects,
} from './use-models.ts';

/** Models of providers, redirects between their names, and who answers for them. */
export function ModelsPage() {
  const { t } = useTexts();
  return (
    <Page title={t('model.page')}>
      <RedirectsTable />
      <ModelsTable />
      <FallbacksTable />
    </Page>
  );
}

function ModelsTable() {
  const { t } = useTexts();
  const resource = useModels();
  const providers = useProviderNames();
  const columns: TableColumnsType<Model> = [
    { key: 'name', title: t('common.name'), dataIndex: 'name' },
    {
      key: 'provider',
      title: t('model.provider'),
      render: (_, row) => providers.get(row.providerId) ?? row.providerId,
    },
    { key: 'upstreamName', title: t('model.upstreamName'), render: (_, row) => row.upstreamName ?? row.name },
    {
      key: 'aliases',
      title: t('model.aliases'),
      render: (_, row) => row.aliases.map((name) => <Tag key={name}>{name}</Tag>),
    },
    {
      key: 'maxOutputTokens',
      title: t('model.maxOutputTokens'),
      align: 'right',
      render: (_, row) => row.maxOutputTokens?.toLocaleString() ?? t('common.none'),
    },
    { key: 'enabled', title: t('common.status'), render: (_, row) => <EnabledTag isEnabled={row.isEnabled} /> },
  ];
  return (
    <ResourceTable<Model, ModelDraft>
      title={t('model.title')}
      hint={t('model.hint')}
      newTitle={t('model.new')}
      resource={resource}
      columns={columns}
      nameOf={({ name }) => name}
      newDraft={{ aliases: [], capabilities: [], isEnabled: true }}
      draftOf={draftOf}
    >
      <ChoiceField name="providerId" label={t('model.provider')} names={providers} isRequired />
      <TextField name="name" label={t('common.name')} isRequired />
      <TextField name="upstreamName" label={t('model.upstreamName')} hint={t('model.upstreamNameHint')} />
      <NamesField name="aliases" label={t('model.aliases')} hint={t('model.aliasesHint')} />
      <NumberField name="maxOutputTokens" label={t('model.maxOutputTokens')} hint={t('model.maxOutputTokensHint')} />
      <NumberField name="contextTokens" label={t('model.contextTokens')} hint={t('model.contextTokensHint')} />
      <Form.Item name="capabilities" label={t('model.capabilities')} extra={t('model.capabilitiesHint')}>
        <Select mode="multiple" options={modelCapability.options.map((value) => ({ value, label: value }))} />
      </Form.Item>
      <EnabledField />
    </ResourceTable>
  );
}

function RedirectsTable() {
  const { t } = useTexts();
  const resource = useRedirects();
  const namespaces = useNamespaceNames();
  const columns: TableColumnsType<Redirect> = [
    { key: 'model', title: t('redirect.model'), dataIndex: 'model' },
    { key: 'target', title: t('redirect.target'), dataIndex: 'target' },
    {
      key: 'namespace',
      title: t('redirect.namespace'),
      render: (_, { namespaceId }) =>
        namespaceId === undefined ? t('key.allNamespaces') : (namespaces.get(namespaceId) ?? namespaceId),
    },
    { key: 'priority', title: t('common.priority'), dataIndex: 'priority' },
    { key: 'enabled', title: t('common.status'), render: (_, row) => <EnabledTag isEnabled={row.isEnabled} /> },
  ];
  return (
    <ResourceTable<Redirect, RedirectDraft>
      title={t('redirect.title')}
      hint={t('redirect.hint')}
      newTitle={t('redirect.new')}
      resource={resource}
      columns={columns}
      nameOf={({ model }) => model}
      newDraft={{ priority: 100, isEnabled: true }}
      draftOf={draftOf}
    >
      <TextField name="model" label={t('redirect.model')} hint={t('redirect.modelHint')} isRequired />
      <TextField name="target" label={t('redirect.target')} hint={t('redirect.targetHint')} isRequired />
      <ChoiceField
        name="namespaceId"
        label={t('redirect.namespace')}
        names={namespaces}
        placeholder={t('key.allNamespaces')}
      />
      <PriorityField />
      <EnabledField />
    </ResourceTable>
  );
}
