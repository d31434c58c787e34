import { Alert, Flex, Form, Input, Radio, Select } from 'antd';
import { EnabledField, NameField, NumberField, PriorityField } from '../../components/common-fields.tsx';
import { ConditionFields } from '../../components/condition-fields.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { PolicyAdvanced } from './policy-advanced.tsx';
import type { Policy } from './use-namespace.ts';
import { WindowsField } from './windows-field.tsx';

type Kind = Policy['rule']['kind'];

/** What the rule of a kind begins with. */
const DEFAULTS: Readonly<Record<Kind, object>> = {
  'qps-limit': { windowSeconds: 1, algorithm: 'gcra' },
  'request-limit': { windows: [{ windowSeconds: 60 }] },
  'concurrency-limit': {},
  'token-limit': { windows: [], appliesTo: 'all', counting: 'estimate' },
  'budget-limit': { windows: [{ windowSeconds: 86_400 }] },
  'message-matching': { action: 'deny' },
};

const KINDS = Object.keys(DEFAULTS) as readonly Kind[]; // The record has every kind and nothing else.

/** The fields of a policy; what follows the kind depends on it. */
export function PolicyFields() {
  const { t } = useTexts();
  const form = Form.useFormInstance();
  const beginKind = (kind: Kind) => {
    form.setFieldValue('rule', { kind, ...DEFAULTS[kind] });
    if (kind === 'message-matching') form.setFieldValue('countPer', []);
  };
  return (
    <>
      <NameField />
      <Form.Item name={['rule', 'kind']} label={t('policy.kind')}>
        <Select options={KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))} onChange={beginKind} />
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
      <PolicyAdvanced />
    </>
  );
}

function KindFields({ kind }: { readonly kind: Kind | undefined }) {
  const { t } = useTexts();
  switch (kind) {
    case 'qps-limit':
      return <QpsFields />;
    case 'request-limit':
      return <RequestFields />;
    case 'concurrency-limit':
      return <NumberField name={['rule', 'maxConcurrent']} label={t('concurrency.max')} isRequired />;
    case 'token-limit':
      return <TokenFields />;
    case 'budget-limit':
      return <BudgetFields />;
    case 'message-matching':
      return <MessageFields />;
    case undefined:
      return null;
    default:
      return kind satisfies never;
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
      <WindowsField first={{ windowSeconds: 3600, counts: 'total' }}>
        {(name) => (
          <>
            <NumberField name={[name, 'maxTokens']} label={t('token.windowTokens')} isRequired />
            <NumberField name={[name, 'windowSeconds']} label={t('window.seconds')} isRequired />
            <Form.Item name={[name, 'counts']} label={t('token.counts')} style={{ width: 160 }}>
              <Select options={choice(['total', 'input', 'output'])} />
            </Form.Item>
          </>
        )}
      </WindowsField>
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

function RequestFields() {
  const { t } = useTexts();
  return (
    <WindowsField first={{ windowSeconds: 86_400 }} min={1}>
      {(name) => (
        <>
          <NumberField name={[name, 'maxRequests']} label={t('request.max')} isRequired />
          <NumberField name={[name, 'windowSeconds']} label={t('window.seconds')} isRequired />
        </>
      )}
    </WindowsField>
  );
}

function BudgetFields() {
  const { t } = useTexts();
  const required = [{ required: true, message: t('common.required') }];
  return (
    <WindowsField first={{ windowSeconds: 86_400 }} min={1} hint={t('budget.maxHint')}>
      {(name) => (
        <>
          <Form.Item name={[name, 'maxAmount']} label={t('budget.max')} rules={required}>
            <Input inputMode="decimal" maxLength={19} />
          </Form.Item>
          <NumberField name={[name, 'windowSeconds']} label={t('window.seconds')} isRequired />
        </>
      )}
    </WindowsField>
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
