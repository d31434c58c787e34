import { Form, Input } from 'antd';
import { useTexts } from '../texts/texts.tsx';

/** When a change is to be made; empty: now. Its value is a local time. */
export function EffectiveFromField() {
  const { t } = useTexts();
  return (
    <Form.Item name="effectiveFrom" label={t('scheduled.from')} extra={t('scheduled.fromHint')}>
      <Input type="datetime-local" style={{ width: 240 }} />
    </Form.Item>
  );
}
