import { Form, Input, Radio } from 'antd';
import { useProviderNames } from '../api/names.ts';
import { useTexts } from '../texts/texts.tsx';
import { ChoiceField, NamesField } from './choice-fields.tsx';
import { EnabledField, NameField, NumberField } from './common-fields.tsx';
import { UnsupportedField } from './unsupported-field.tsx';

/** The fields of a namespace. */
export function NamespaceFields() {
  const { t } = useTexts();
  const providers = useProviderNames();
  return (
    <>
      <NameField />
      <Form.Item
        name="code"
        label={t('namespace.code')}
        extra={t('namespace.codeHint')}
        rules={[{ required: true, message: t('common.required') }]}
      >
        <Input maxLength={50} />
      </Form.Item>
      <Form.Item name="description" label={t('common.description')}>
        <Input.TextArea maxLength={500} autoSize={{ minRows: 2, maxRows: 6 }} />
      </Form.Item>
      <Form.Item name="authMode" label={t('namespace.authMode')}>
        <Radio.Group
          options={[
            { value: 'key', label: t('namespace.key') },
            { value: 'open', label: t('namespace.open') },
          ]}
        />
      </Form.Item>
      <NumberField name="maxWaitMs" label={t('namespace.maxWaitMs')} hint={t('namespace.maxWaitMsHint')} min={0} />
      <NumberField name="maxWaiting" label={t('namespace.maxWaiting')} hint={t('namespace.maxWaitingHint')} />
      <NumberField name="weight" label={t('namespace.weight')} hint={t('namespace.weightHint')} />
      <NumberField name={['cache', 'ttlSeconds']} label={t('namespace.cacheTtl')} hint={t('namespace.cacheTtlHint')} />
      <NamesField name="allowedModels" label={t('namespace.allowedModels')} hint={t('namespace.allowedModelsHint')} />
      <NamesField name="deniedModels" label={t('namespace.deniedModels')} />
      <ChoiceField
        name="defaultProviderId"
        label={t('namespace.defaultProvider')}
        hint={t('namespace.defaultProviderHint')}
        names={providers}
      />
      <UnsupportedField hint={t('onUnsupported.namespaceHint')} />
      <EnabledField />
    </>
  );
}
