import { Flex, Form, Input, Switch, type TableColumnsType, Typography } from 'antd';
import { useState } from 'react';
import { useProviderNames, useUpstreamNames } from '../../api/names.ts';
import { ChoiceField, TextField } from '../../components/choice-fields.tsx';
import { EnabledField, PriorityField } from '../../components/common-fields.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { Page } from '../../components/page.tsx';
import { ResourceTable } from '../../components/resource-table.tsx';
import { UnsupportedField } from '../../components/unsupported-field.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { type Location, type LocationDraft, useLocations, useTestedPath } from './use-locations.ts';

/** Path rules: what leads where, under which path. */
export function LocationsPage() {
  const { t } = useTexts();
  const resource = useLocations();
  const providers = useProviderNames();
  const upstreams = useUpstreamNames();
  const targetOf = ({ providerId = '', upstreamId = '' }: Location) =>
    upstreams.get(upstreamId) ?? providers.get(providerId) ?? t('common.none');
  const columns: TableColumnsType<Location> = [
    { key: 'priority', title: t('common.priority'), dataIndex: 'priority' },
    { key: 'path', title: t('location.path'), render: (_, { path }) => <Typography.Text code>{path}</Typography.Text> },
    { key: 'rewriteTo', title: t('location.rewriteTo'), render: (_, { rewriteTo }) => rewriteTo ?? t('common.none') },
    { key: 'target', title: t('location.target'), render: (_, row) => targetOf(row) },
    { key: 'enabled', title: t('common.status'), render: (_, row) => <EnabledTag isEnabled={row.isEnabled} /> },
  ];
  return (
    <Page title={t('location.page')}>
      <ResourceTable<Location, LocationDraft>
        title={t('location.title')}
        hint={t('location.hint')}
        newTitle={t('location.new')}
        resource={resource}
        columns={columns}
        nameOf={({ path }) => path}
        newDraft={{ isRegex: false, priority: 100, isEnabled: true }}
        draftOf={draftOf}
      >
        <TextField name="path" label={t('location.path')} hint={t('location.pathHint')} isRequired />
        <Form.Item name="isRegex" label={t('location.isRegex')} valuePropName="checked">
          <Switch />
        </Form.Item>
        <TextField name="rewriteTo" label={t('location.rewriteTo')} hint={t('location.rewriteToHint')} />
        <ChoiceField name="providerId" label={t('model.provider')} names={providers} />
        <ChoiceField
          name="upstreamId"
          label={t('location.upstream')}
          hint={t('location.upstreamHint')}
          names={upstreams}
        />
        <UnsupportedField hint={t('onUnsupported.locationHint')} />
        <PriorityField />
        <EnabledField />
      </ResourceTable>
      <PathTest />
    </Page>
  );
}

function PathTest() {
  const { t } = useTexts();
  const [path, setPath] = useState('/v1/chat/completions');
  const { data, error } = useTestedPath(path);
  return (
    <Flex vertical gap={8} style={{ maxWidth: 560 }}>
      <Typography.Title level={4} style={{ margin: 0 }}>
        {t('location.test')}
      </Typography.Title>
      <Input aria-label={t('location.test')} value={path} onChange={({ target }) => setPath(target.value)} />
      <Typography.Text role="status">
        {error?.message ??
          (data?.locationId === undefined ? t('location.noRule') : t('location.leadsTo', { path: data.path }))}
      </Typography.Text>
    </Flex>
  );
}
