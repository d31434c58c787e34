import { Form, Modal } from 'antd';
import { type ReactNode, useId } from 'react';
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
export function DraftModal<Draft extends object>(props: DraftModalProps<Draft>) {
  const { title, draft, isSaving, onClose, width = 560 } = props;
  const { t } = useTexts();
  // Fields are found by ids that begin with the form's name, so that two forms of one page do not share labels.
  const name = useId();
  return (
    <Modal
      title={title}
      open={draft !== undefined}
      width={width}
      okText={t('action.save')}
      cancelText={t('action.cancel')}
      confirmLoading={isSaving}
      okButtonProps={{ htmlType: 'submit', form: name }}
      onCancel={onClose}
      destroyOnHidden
    >
      {/* A form of its own for each draft: an edit that is opened while another dialog closes must not get its values. */}
      {draft && <DraftForm<Draft> key={JSON.stringify(draft)} {...props} draft={draft} name={name} />}
    </Modal>
  );
}

interface DraftFormProps<Draft> extends DraftModalProps<Draft> {
  readonly draft: Partial<Draft>;
  readonly name: string;
}

function DraftForm<Draft extends object>({ draft, name, onSave, onClose, children }: DraftFormProps<Draft>) {
  const [form] = Form.useForm<Draft>();
  const showError = useShowError();
  const save = async () => {
    try {
      // All of the draft, also what no field shows now: an edit must not lose what was set through the API.
      await onSave(withoutEmpty(form.getFieldsValue(true)));
      onClose();
    } catch (error) {
      showError(error, form, onClose);
    }
  };
  return (
    <Form
      form={form}
      name={name}
      layout="vertical"
      initialValues={draft}
      onFinish={() => void save()}
      style={{ marginTop: 16 }}
    >
      {children}
    </Form>
  );
}

/** Fields that were left empty are left out, at every depth. */
export function withoutEmpty<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutEmpty) as T;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, item]) => item !== undefined && item !== null && item !== '');
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutEmpty(item)])) as T;
}
