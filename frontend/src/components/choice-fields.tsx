import { Form, Input, Select } from 'antd';
import { useTexts } from '../texts/texts.tsx';

export interface TextFieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly isRequired?: boolean;
  readonly placeholder?: string;
}

/** One line of text with its label. */
export function TextField({ name, label, hint, isRequired = false, placeholder }: TextFieldProps) {
  const { t } = useTexts();
  const rules = isRequired ? [{ required: true, message: t('common.required') }] : [];
  return (
    <Form.Item name={name} label={label} extra={hint} rules={rules}>
      <Input {...(placeholder !== undefined && { placeholder })} />
    </Form.Item>
  );
}

export interface NamesFieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
}

/** A list of names that are typed in. */
export function NamesField({ name, label, hint }: NamesFieldProps) {
  return (
    <Form.Item name={name} label={label} extra={hint}>
      <Select mode="tags" tokenSeparators={[',', ' ']} open={false} />
    </Form.Item>
  );
}

export interface ChoiceFieldProps extends TextFieldProps {
  /** Names to choose from, by id. */
  readonly names: ReadonlyMap<string, string>;
}

/** One of some rows, or none where it is not required. */
export function ChoiceField({ name, label, hint, isRequired = false, placeholder, names }: ChoiceFieldProps) {
  const { t } = useTexts();
  const rules = isRequired ? [{ required: true, message: t('common.required') }] : [];
  return (
    <Form.Item name={name} label={label} extra={hint} rules={rules}>
      <Select
        allowClear={!isRequired}
        placeholder={placeholder ?? t('common.none')}
        options={[...names].map(([value, text]) => ({ value, label: text }))}
        showSearch={{ optionFilterProp: 'label' }}
      />
    </Form.Item>
  );
}
