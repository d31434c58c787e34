import { conditionOperator, conditionSource } from '@ai-gateway/contracts';
import { Flex, Form, Input, Select } from 'antd';
import type { NamePath } from 'antd/es/form/interface';
import { useTexts } from '../texts/texts.tsx';

/** A condition as the API has it. */
export interface ConditionValue {
  readonly source: (typeof conditionSource.options)[number];
  readonly field?: string;
  readonly operator: (typeof conditionOperator.options)[number];
  readonly value: string;
}

/** The fields of a condition, at `prefix` of the form's values. */
export function ConditionFields({ prefix = [] }: { readonly prefix?: readonly string[] }) {
  const { t } = useTexts();
  const name = (field: string): NamePath => [...prefix, field];
  const required = [{ required: true, message: t('common.required') }];
  return (
    <>
      <Flex gap={12}>
        <Form.Item name={name('source')} label={t('condition.source')} rules={required} style={{ width: 140 }}>
          <Select options={conditionSource.options.map((value) => ({ value, label: t(`source.${value}`) }))} />
        </Form.Item>
        <Form.Item noStyle shouldUpdate>
          {({ getFieldValue }) => (
            <Form.Item
              name={name('field')}
              label={t('condition.field')}
              extra={t('condition.fieldHint')}
              rules={getFieldValue(name('source')) === 'path' ? [] : required}
              style={{ flex: 1 }}
            >
              <Input disabled={getFieldValue(name('source')) === 'path'} maxLength={200} />
            </Form.Item>
          )}
        </Form.Item>
      </Flex>
      <Flex gap={12}>
        <Form.Item name={name('operator')} label={t('condition.operator')} rules={required} style={{ width: 200 }}>
          <Select options={conditionOperator.options.map((value) => ({ value, label: t(`operator.${value}`) }))} />
        </Form.Item>
        <Form.Item name={name('value')} label={t('condition.value')} rules={required} style={{ flex: 1 }}>
          <Input maxLength={2000} />
        </Form.Item>
      </Flex>
    </>
  );
}

/** A condition in words. */
export function useConditionText(): (condition: ConditionValue) => string {
  const { t } = useTexts();
  return ({ source, field, operator, value }) =>
    [t(`source.${source}`), source === 'path' ? '' : field, t(`operator.${operator}`), `“${value}”`]
      .filter(Boolean)
      .join(' ');
}
