import { Button, Card, Flex, Form, Input, Typography } from 'antd';
import { useState } from 'react';
import { useLocation, useNavigate, useSearchParams } from 'react-router';
import { queryClient } from '../../api/queries.ts';
import { login } from '../../api/session.ts';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';

/** Login by one-time code, from the link or pasted. The code is used only when the button is pressed. */
export function LoginPage() {
  const { t } = useTexts();
  const [parameters] = useSearchParams();
  const navigate = useNavigate();
  const { state } = useLocation() as { state: { from?: string } | null };
  const showError = useShowError();
  const [isBusy, setBusy] = useState(false);

  const submit = async ({ code }: { code: string }) => {
    setBusy(true);
    try {
      await login(code.trim());
      await queryClient.resetQueries();
      await navigate(state?.from ?? '/', { replace: true });
    } catch (error) {
      showError(error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Flex justify="center" align="center" style={{ minHeight: '100vh', padding: 16 }}>
      <Card style={{ width: 400 }}>
        <Typography.Title level={3}>{t('app.title')}</Typography.Title>
        <Typography.Paragraph type="secondary">{t('login.hint')}</Typography.Paragraph>
        <Form
          layout="vertical"
          initialValues={{ code: parameters.get('code') ?? '' }}
          onFinish={(values: { code: string }) => void submit(values)}
        >
          <Form.Item name="code" label={t('login.code')} rules={[{ required: true, message: t('common.required') }]}>
            <Input.Password autoComplete="one-time-code" autoFocus />
          </Form.Item>
          <Button type="primary" htmlType="submit" block loading={isBusy}>
            {t('login.submit')}
          </Button>
        </Form>
      </Card>
    </Flex>
  );
}
