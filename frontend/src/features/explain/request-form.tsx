import { AutoComplete, Button, Flex, Form, Input, Select } from 'antd';
import { VirtualKeySelect } from '../../components/row-select.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { type AskedRequest, headersIn, requestOf, type TypedRequest } from './request-text.ts';

export interface RequestFormProps {
  readonly isAsking: boolean;
  readonly onAsk: (request: AskedRequest) => Promise<unknown>;
}

const METHODS = ['POST', 'GET', 'PUT', 'DELETE'];
const PATHS = ['/v1/chat/completions', '/v1/models', '/v1/embeddings', '/v1/files'];

const BEGINNING: TypedRequest = {
  method: 'POST',
  path: '/v1/chat/completions',
  headers: 'X-Channel-Code: test-channel',
  body: JSON.stringify({ model: 'Qwen3-8B', messages: [{ role: 'user', content: 'Hello' }] }, null, 2),
};

const MONOSPACE = { fontFamily: 'monospace' };

/** A request to explain. */
export function RequestForm({ isAsking, onAsk }: RequestFormProps) {
  const { t } = useTexts();
  const [form] = Form.useForm<TypedRequest>();
  const showError = useShowError();
  const rules = useTextRules();
  const required = [{ required: true, message: t('common.required') }];
  const ask = async (typed: TypedRequest) => {
    try {
      await onAsk(requestOf(typed));
    } catch (error) {
      showError(error, form);
    }
  };
  return (
    <Form
      form={form}
      name="explain"
      layout="vertical"
      initialValues={BEGINNING}
      onFinish={(typed: TypedRequest) => void ask(typed)}
    >
      <Flex gap={12} wrap>
        <Form.Item name="method" label={t('explain.method')} style={{ width: 120 }}>
          <Select options={METHODS.map((value) => ({ value }))} />
        </Form.Item>
        <Form.Item name="path" label={t('explain.path')} rules={required} style={{ flex: 1, minWidth: 240 }}>
          <AutoComplete options={PATHS.map((value) => ({ value }))} maxLength={2_000} />
        </Form.Item>
        <Form.Item name="virtualKeyId" label={t('explain.virtualKey')} extra={t('explain.virtualKeyHint')}>
          <VirtualKeySelect placeholder={t('explain.noKey')} />
        </Form.Item>
      </Flex>
      <Form.Item name="headers" label={t('explain.headers')} extra={t('explain.headersHint')} rules={[rules.headers]}>
        <Input.TextArea autoSize={{ minRows: 2, maxRows: 10 }} spellCheck={false} style={MONOSPACE} />
      </Form.Item>
      <Form.Item name="body" label={t('explain.body')} rules={[rules.body]}>
        <Input.TextArea autoSize={{ minRows: 4, maxRows: 20 }} spellCheck={false} style={MONOSPACE} />
      </Form.Item>
      <Button type="primary" htmlType="submit" disabled={isAsking}>
        {t('explain.ask')}
      </Button>
    </Form>
  );
}

/** Rules of fields whose text is read before it is sent. */
function useTextRules() {
  const { t } = useTexts();
  const readable = (read: (text: string) => unknown, fault: (error: Error) => string) => ({
    validator: async (_: unknown, text: string | undefined) => {
      try {
        read(text ?? '');
      } catch (error) {
        throw new Error(fault(error as Error));
      }
    },
  });
  return {
    headers: readable(headersIn, ({ message }) => t('explain.badHeaders', { message })),
    body: readable(
      (text) => text.trim() === '' || JSON.parse(text),
      ({ message }) => t('explain.badBody', { message }),
    ),
  };
}
