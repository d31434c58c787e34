import { DeleteOutlined, PlusOutlined } from '@ant-design/icons';
import { Alert, Button, Flex, Form, Input, Radio, Select } from 'antd';
import { EnabledField, NameField, NumberField, PriorityField } from '../../components/common-fields.tsx';
import { ConditionFields } from '../../components/condition-fields.tsx';
import { useTexts } from '../../texts/texts.tsx';

const KINDS = ['qps-limit', 'concurrency-limit', 'token-limit', 'message-matching'] as const;

type Kind = (typeof KINDS)[number];

/** What the rule of a kind begins with. */
const DEFAULTS: Readonly<Record<Kind, object>> = {
  'qps-limit': { windowSeconds: 1, algorithm: 'gcra' },
  'concurrency-limit': {},
  'token-limit': { windows: [], appliesTo: 'all', counting: 'estimate' },
  'message-matching': { action: 'deny' },
};

/** The fields of a policy; what follows the kind depends on it. */
export function PolicyFields() {
  const { t } = useTexts();
  const form = Form.useFormInstance();
  return (
    <>
      <NameField />
      <Form.Item name={['rule', 'kind']} label={t('policy.kind')}>
        <Select
          options={KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))}
          onChange={(kind: Kind) => form.setFieldValue('rule', { kind, ...DEFAULTS[kind] })}
        />
      </Form.Item>
      <Form.Item noStyle dependencies={[['rule', 'kind']]}>
        {({ getFieldValue }) => <KindFields kind={getFieldValue(['rule', 'kind'])} />}
      </Form.Item>
      <Form.Item name="mode" label={t('policy.mode')}>
        <Radio.Group
          options={(['enforce', 'observe'] as const).map((value) => ({ value, label: t(`policy.${value}`) }))}
        />
      </Form.Item>
      <Flex gap={24} wrap>
        <PriorityField />
        <EnabledField />
      </Flex>
      <Form.Item name="description" label={t('common.description')}>
        <Input maxLength={500} />
      </Form.Item>
    </>
  );
}

function KindFields({ kind }: { readonly kind: Kind | undefined }) {
  const { t } = useTexts();
  switch (kind) {
    case 'qps-limit':
      return <QpsFields />;
    case 'concurrency-limit':
      return <NumberField name={['rule', 'maxConcurrent']} label={t('concurrency.max')} isRequired />;
    case 'token-limit':
      return <TokenFields />;
    case 'message-matching':
      return <MessageFields />;
    default:
      return null;
  }
}

function QpsFields() {
  const { t } = useTexts();
  return (
    <>
      <Flex gap={12}>
        <div style={{ flex: 1 }}>
          <NumberField name={['rule', 'maxQps']} label={t('qps.maxQps')} isRequired isFraction min={0.001} />
        </div>
        <div style={{ flex: 1 }}>
          <NumberField name={['rule', 'windowSeconds']} label={t('qps.windowSeconds')} />
        </div>
        <div style={{ flex: 1 }}>
          <NumberField name={['rule', 'burst']} label={t('qps.burst')} />
        </div>
      </Flex>
      <Form.Item name={['rule', 'algorithm']} label={t('qps.algorithm')}>
        <Radio.Group options={(['gcra', 'strict'] as const).map((value) => ({ value, label: t(`qps.${value}`) }))} />
      </Form.Item>
      <Form.Item noStyle shouldUpdate>
        {({ getFieldValue }) => {
          const seconds = Number(getFieldValue(['rule', 'windowSeconds']) ?? 1);
          const requests = Number(getFieldValue(['rule', 'maxQps']) ?? 0) * seconds;
          return (
            <Alert
              type="info"
              title={t('qps.effect', { requests: requests.toLocaleString(), seconds })}
              style={{ marginBottom: 24 }}
            />
          );
        }}
      </Form.Item>
    </>
  );
}

function TokenFields() {
  const { t } = useTexts();
  const choice = <
    const V extends 'total' | 'input' | 'output' | 'all' | 'stream' | 'non-stream' | 'estimate' | 'exact',
  >(
    values: readonly V[],
  ) => values.map((value) => ({ value, label: t(`token.${value}`) }));
  return (
    <>
      <Flex gap={12}>
        <div style={{ flex: 1 }}>
          <NumberField name={['rule', 'maxInputTokens']} label={t('token.maxInput')} />
        </div>
        <div style={{ flex: 1 }}>
          <NumberField name={['rule', 'maxOutputTokens']} label={t('token.maxOutput')} />
        </div>
      </Flex>
      <Form.Item label={t('token.windows')}>
        <Form.List name={['rule', 'windows']}>
          {(fields, { add, remove }) => (
            <>
              {fields.map(({ key, name }) => (
                <Flex key={key} gap={12} align="end">
                  <NumberField name={[name, 'maxTokens']} label={t('token.windowTokens')} isRequired />
                  <NumberField name={[name, 'windowSeconds']} label={t('token.windowSeconds')} isRequired />
                  <Form.Item name={[name, 'counts']} label={t('token.counts')} style={{ width: 160 }}>
                    <Select options={choice(['total', 'input', 'output'])} />
                  </Form.Item>
                  <Form.Item>
                    <Button icon={<DeleteOutlined />} aria-label={t('action.delete')} onClick={() => remove(name)} />
                  </Form.Item>
                </Flex>
              ))}
              <Button icon={<PlusOutlined />} onClick={() => add({ windowSeconds: 3600, counts: 'total' })}>
                {t('action.add')}
              </Button>
            </>
          )}
        </Form.List>
      </Form.Item>
      <Flex gap={12}>
        <Form.Item name={['rule', 'appliesTo']} label={t('token.appliesTo')} style={{ flex: 1 }}>
          <Select options={choice(['all', 'stream', 'non-stream'])} />
        </Form.Item>
        <Form.Item name={['rule', 'counting']} label={t('token.counting')} style={{ flex: 1 }}>
          <Select options={choice(['estimate', 'exact'])} />
        </Form.Item>
      </Flex>
    </>
  );
}

function MessageFields() {
  const { t } = useTexts();
  return (
    <>
      <ConditionFields prefix={['rule', 'condition']} />
      <Form.Item name={['rule', 'action']} label={t('message.action')}>
        <Radio.Group options={(['allow', 'deny'] as const).map((value) => ({ value, label: t(`message.${value}`) }))} />
      </Form.Item>
    </>
  );
}
