import { MobileOutlined } from '@ant-design/icons';
import { Alert, Button, Modal, Typography } from 'antd';
import { useState } from 'react';
import { createCode } from '../api/session.ts';
import { useShowError } from '../show-error.ts';
import { useTexts } from '../texts/texts.tsx';

/** Makes a login link for another device of the one who is logged in. */
export function OtherDeviceButton() {
  const { t } = useTexts();
  const showError = useShowError();
  const [url, setUrl] = useState<string>();
  const make = async () => {
    try {
      setUrl((await createCode()).url);
    } catch (error) {
      showError(error);
    }
  };
  return (
    <>
      <Button
        type="text"
        icon={<MobileOutlined />}
        aria-label={t('login.otherDevice')}
        title={t('login.otherDevice')}
        onClick={() => void make()}
      />
      <Modal title={t('login.otherDevice')} open={url !== undefined} footer={null} onCancel={() => setUrl(undefined)}>
        <Alert type="warning" title={t('login.otherDeviceHint')} style={{ marginBottom: 16 }} />
        <Typography.Text code copyable>
          {url}
        </Typography.Text>
      </Modal>
    </>
  );
}
