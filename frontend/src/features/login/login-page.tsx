import { Button, Card, Divider, Flex, Form, Input, Typography } from 'antd';
import { useState } from 'react';
import { useLocation, useNavigate, useSearchParams } from 'react-router';
import { queryClient, useRead } from '../../api/queries.ts';
import { login, loginByPassword, readWays, startOidc } from '../../api/session.ts';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';

/** Login by code, from the link or pasted, and by what else is configured. A code is used only when its button is pressed. */
export function LoginPage() {
  const { t } = useTexts();
  const navigate = useNavigate();
  const { state } = useLocation() as { state: { from?: string } | null };
  const showError = useShowError();
  const [isBusy, setBusy] = useState(false);
  const ways = useRead(['ways'], readWays);

  const during = async (work: () => Promise<void>) => {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      showError(error);
    } finally {
      setBusy(false);
    }
  };
  const enter = (loggingIn: Promise<unknown>) =>
    during(async () => {
      await loggingIn;
      await queryClient.resetQueries();
      await navigate(state?.from ?? '/', { replace: true });
    });
  const leave = () =>
    during(async () => {
      const { url } = await startOidc();
      location.assign(url);
    });

  return (
    <Flex justify="center" align="center" style={{ minHeight: '100vh', padding: 16 }}>
      <Card style={{ width: 400 }}>
        <Typography.Title level={3}>{t('app.title')}</Typography.Title>
        {ways.data?.oidc && (
          <>
            <Button block loading={isBusy} onClick={() => void leave()}>
              {t('login.byOidc')}
            </Button>
            <Divider plain>{t('login.or')}</Divider>
          </>
        )}
        {ways.data?.password && (
          <>
            <PasswordForm isBusy={isBusy} onSubmit={(values) => void enter(loginByPassword(values))} />
            <Divider plain>{t('login.or')}</Divider>
          </>
        )}
        <CodeForm isBusy={isBusy} onSubmit={(code) => void enter(login(code))} />
      </Card>
    </Flex>
  );
}

interface CodeFormProps {
  readonly isBusy: boolean;
  readonly onSubmit: (code: string) => void;
}

function CodeForm({ isBusy, onSubmit }: CodeFormProps) {
  const { t } = useTexts();
  const [parameters] = useSearchParams();
  return (
    <>
      <Typography.Paragraph type="secondary">{t('login.hint')}</Typography.Paragraph>
      <Form
        name="code"
        layout="vertical"
        initialValues={{ code: parameters.get('code') ?? '' }}
        onFinish={({ code }: { code: string }) => onSubmit(code.trim())}
      >
        <Form.Item name="code" label={t('login.code')} rules={[{ required: true, message: t('common.required') }]}>
          <Input.Password autoComplete="one-time-code" autoFocus />
        </Form.Item>
        <Button type="primary" htmlType="submit" block loading={isBusy}>
          {t('login.submit')}
        </Button>
      </Form>
    </>
  );
}

interface PasswordFormProps {
  readonly isBusy: boolean;
  readonly onSubmit: (values: { name: string; password: string }) => void;
}

function PasswordForm({ isBusy, onSubmit }: PasswordFormProps) {
  const { t } = useTexts();
  const rules = [{ required: true, message: t('common.required') }];
  return (
    <Form name="password" layout="vertical" onFinish={onSubmit}>
      <Form.Item name="name" label={t('login.name')} rules={rules}>
        <Input autoComplete="username" />
      </Form.Item>
      <Form.Item name="password" label={t('login.password')} rules={rules}>
        <Input.Password autoComplete="current-password" />
      </Form.Item>
      <Button htmlType="submit" block loading={isBusy}>
        {t('login.byPassword')}
      </Button>
    </Form>
  );
}
