import { DeleteOutlined, PlusOutlined } from '@ant-design/icons';
import { Button, Flex, Form, Input, Select, type TableColumnsType, Tag } from 'antd';
import { useNamespaceNames, useProviderNames } from '../../api/names.ts';
import { ChoiceField, TextField } from '../../components/choice-fields.tsx';
import { EnabledField } from '../../components/common-fields.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { ResourceTable } from '../../components/resource-table.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { type Fallback, type FallbackDraft, useFallbacks } from './use-fallbacks.ts';

/** Targets of one fallback, as the contract has it. */
const MAX_TARGETS = 5;

/** Who answers for a model when its own provider cannot. */
export function FallbacksTable() {
  const { t } = useTexts();
  const resource = useFallbacks();
  const namespaces = useNamespaceNames();
  const providers = useProviderNames();
  const named = ({ providerId, model }: Fallback['targets'][number]) =>
    [providerId && (providers.get(providerId) ?? providerId), model].filter(Boolean).join('/');
  const columns: TableColumnsType<Fallback> = [
    { key: 'model', title: t('fallback.model'), dataIndex: 'model' },
    {
      key: 'targets',
      title: t('fallback.targets'),
      render: (_, { targets }) => targets.map((target) => <Tag key={named(target)}>{named(target)}</Tag>),
    },
    {
      key: 'namespace',
      title: t('redirect.namespace'),
      render: (_, { namespaceId }) =>
        namespaceId === undefined ? t('key.allNamespaces') : (namespaces.get(namespaceId) ?? namespaceId),
    },
    { key: 'enabled', title: t('common.status'), render: (_, row) => <EnabledTag isEnabled={row.isEnabled} /> },
  ];
  return (
    <ResourceTable<Fallback, FallbackDraft>
      title={t('fallback.title')}
      hint={t('fallback.hint')}
      newTitle={t('fallback.new')}
      resource={resource}
      columns={columns}
      nameOf={({ model }) => model}
      newDraft={{ targets: [{}], isEnabled: true }}
      draftOf={draftOf}
    >
      <TextField name="model" label={t('fallback.model')} hint={t('policy.modelHint')} isRequired />
      <TargetsField providers={providers} />
      <ChoiceField
        name="namespaceId"
        label={t('redirect.namespace')}
        names={namespaces}
        placeholder={t('key.allNamespaces')}
      />
      <EnabledField />
    </ResourceTable>
  );
}

/** The targets in the order in which they are tried: each a provider, a model, or both. */
function TargetsField({ providers }: { readonly providers: ReadonlyMap<string, string> }) {
  const { t } = useTexts();
  return (
    <Form.Item label={t('fallback.targets')} extra={t('fallback.targetsHint')}>
      <Form.List name="targets">
        {(fields, { add, remove }) => (
          <>
            {fields.map(({ key, name }) => (
              <Flex key={key} gap={12} align="end">
                <Form.Item name={[name, 'providerId']} label={t('model.provider')} style={{ flex: 1 }}>
                  <Select allowClear options={[...providers].map(([value, label]) => ({ value, label }))} />
                </Form.Item>
                <Form.Item name={[name, 'model']} label={t('scope.model')} style={{ flex: 1 }}>
                  <Input maxLength={128} />
                </Form.Item>
                <Form.Item>
                  <Button
                    icon={<DeleteOutlined />}
                    aria-label={t('action.delete')}
                    disabled={fields.length === 1}
                    onClick={() => remove(name)}
                  />
                </Form.Item>
              </Flex>
            ))}
            <Button icon={<PlusOutlined />} disabled={fields.length === MAX_TARGETS} onClick={() => add({})}>
              {t('action.add')}
            </Button>
          </>
        )}
      </Form.List>
    </Form.Item>
  );
}
