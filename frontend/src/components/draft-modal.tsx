import { Form, Modal } from 'antd';
import type { ReactNode } from 'react';
import { useShowError } from '../show-error.ts';
import { useTexts } from '../texts/texts.tsx';

export interface DraftModalProps<Draft> {
  readonly title: string;
  /** What the form begins with; undefined = closed. */
  readonly draft: Partial<Draft> | undefined;
  readonly isSaving: boolean;
  readonly onSave: (draft: Draft) => Promise<unknown>;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly width?: number;
}

/** A form in a dialog that saves a draft; refused fields show the reason where they are. */
export function DraftModal<Draft extends object>({
  title,
  draft,
  isSaving,
  onSave,
  onClose,
  children,
  width = 560,
}: DraftModalProps<Draft>) {
  const [form] = Form.useForm<Draft>();
  const showError = useShowError();
  const { t } = useTexts();

  const save = async (values: Draft) => {
    try {
      await onSave(withoutEmpty(values));
      onClose();
    } catch (error) {
      showError(error, form);
    }
  };

  return (
    <Modal
      title={title}
      open={draft !== undefined}
      width={width}
      okText={t('action.save')}
      cancelText={t('action.cancel')}
      confirmLoading={isSaving}
      onOk={() => form.submit()}
      onCancel={onClose}
      destroyOnHidden
    >
      <Form
        form={form}
        layout="vertical"
        initialValues={draft ?? {}}
        preserve={false}
        onFinish={(values: Draft) => void save(values)}
        style={{ marginTop: 16 }}
      >
        {children}
      </Form>
    </Modal>
  );
}

/** Fields that were left empty are left out, at every depth. */
export function withoutEmpty<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutEmpty) as T;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, item]) => item !== undefined && item !== null && item !== '');
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutEmpty(item)])) as T;
}
