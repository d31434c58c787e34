import { App, type FormInstance } from 'antd';
import { ApiFailure } from './api/client.ts';
import { useTexts } from './texts/texts.tsx';

/** The one place where a failure becomes a message. Faults of fields that a form shows are set on the fields. */
export function useShowError(): (error: unknown, form?: FormInstance) => void {
  const { notification } = App.useApp();
  const { t } = useTexts();
  return (error, form) => {
    const failure = error instanceof ApiFailure ? error : undefined;
    const faults = failure?.faults ?? [];
    const shown = faults.filter(({ path }) => form?.getFieldInstance(namePath(path)) !== undefined);
    form?.setFields(shown.map(({ path, message }) => ({ name: namePath(path), errors: [message] })));
    if (shown.length > 0 && shown.length === faults.length) return;

    const hidden = faults.filter((fault) => !shown.includes(fault)).map(({ path, message }) => `${path}: ${message}`);
    const sentence = failure?.status === 0 ? t('failure.offline') : (error as Error).message;
    notification.error({ title: t('failure.title'), description: [sentence, ...hidden].join(' ') });
  };
}

/** `rule.windows.0.maxTokens` as antd names fields. */
function namePath(path: string): (string | number)[] {
  return path.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
