import { AutoComplete, Card, Empty, Form, Input, Switch } from 'antd';
import { useState } from 'react';
import { useSettled } from '../../components/use-settled.ts';
import { useTexts } from '../../texts/texts.tsx';
import { TokenizeResult } from './tokenize-result.tsx';
import type { Question } from './use-tokens.ts';

/** Typing that pauses for so long is answered, ms. */
const QUIET_MS = 300;

/** As the API has it. */
const MAX_MODEL_LENGTH = 200;
const MAX_TEXT_LENGTH = 100_000;

const NOTHING: Question = { model: 'gpt-4o', text: '', isChat: false };

/** A text or chat to try, with its tokens as one types. */
export function TokenizeCard({ models }: { readonly models: readonly string[] }) {
  const { t } = useTexts();
  const [typed, setTyped] = useState(NOTHING);
  const settled = useSettled(typed, QUIET_MS);
  const question = { ...settled, model: settled.model.trim() };
  const isAnswerable = question.model !== '' && (question.text !== '' || question.isChat);
  return (
    <Card title={t('tokens.try')}>
      <Form
        name="tokenize"
        layout="vertical"
        initialValues={NOTHING}
        onValuesChange={(_, values: Question) => setTyped(values)}
      >
        <Form.Item name="model" label={t('tokens.model')} extra={t('tokens.modelHint')} style={{ maxWidth: 400 }}>
          <AutoComplete
            allowClear
            maxLength={MAX_MODEL_LENGTH}
            options={models.map((value) => ({ value }))}
            showSearch={{ filterOption: (typed, option) => option?.value.includes(typed.toLowerCase()) ?? false }}
          />
        </Form.Item>
        <Form.Item name="text" label={t('tokens.text')}>
          <Input.TextArea maxLength={MAX_TEXT_LENGTH} autoSize={{ minRows: 3, maxRows: 12 }} />
        </Form.Item>
        <Form.Item name="isChat" label={t('tokens.asChat')} extra={t('tokens.asChatHint')} valuePropName="checked">
          <Switch />
        </Form.Item>
      </Form>
      {isAnswerable ? (
        <TokenizeResult question={question} />
      ) : (
        <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('tokens.empty')} />
      )}
    </Card>
  );
}
