import { Form, Input, InputNumber, Switch } from 'antd';
import { useTexts } from '../texts/texts.tsx';

/** The name of a thing. */
export function NameField() {
  const { t } = useTexts();
  return (
    <Form.Item name="name" label={t('common.name')} rules={[{ required: true, message: t('common.required') }]}>
      <Input maxLength={100} />
    </Form.Item>
  );
}

/** Whether a thing is in force. */
export function EnabledField() {
  const { t } = useTexts();
  return (
    <Form.Item name="isEnabled" label={t('common.status')} valuePropName="checked">
      <Switch />
    </Form.Item>
  );
}

/** Its place in the order. */
export function PriorityField() {
  const { t } = useTexts();
  return (
    <Form.Item name="priority" label={t('common.priority')} extra={t('common.priorityHint')}>
      <InputNumber min={1} max={10_000} precision={0} />
    </Form.Item>
  );
}

export interface NumberFieldProps {
  readonly name: string | readonly (string | number)[];
  readonly label: string;
  readonly hint?: string;
  readonly isRequired?: boolean;
  readonly min?: number;
  readonly isFraction?: boolean;
}

/** A number with its label; whole unless said otherwise. */
export function NumberField({ name, label, hint, isRequired = false, min = 1, isFraction = false }: NumberFieldProps) {
  const { t } = useTexts();
  const rules = isRequired ? [{ required: true, message: t('common.required') }] : [];
  return (
    <Form.Item name={typeof name === 'string' ? name : [...name]} label={label} extra={hint} rules={rules}>
      <InputNumber min={min} {...(isFraction ? {} : { precision: 0 })} style={{ width: '100%' }} />
    </Form.Item>
  );
}
