import { App, Button, type FormInstance } from 'antd';
import { createElement } from 'react';
import { ApiFailure } from './api/client.ts';
import { queryClient } from './api/queries.ts';
import { useTexts } from './texts/texts.tsx';

const CONFLICT = 'conflict';

/**
 * The one place where a failure becomes a message. Faults of fields that a form shows are set on the fields. A row that
 * somebody else has changed meanwhile is loaded again when the user says so; then `onReload` runs.
 */
export function useShowError(): (error: unknown, form?: FormInstance, onReload?: () => void) => void {
  const { notification } = App.useApp();
  const { t } = useTexts();
  const showConflict = (onReload: (() => void) | undefined) => {
    const reload = async () => {
      notification.destroy(CONFLICT);
      onReload?.();
      await queryClient.invalidateQueries();
    };
    const actions = createElement(Button, { type: 'primary', onClick: () => void reload() }, t('conflict.reload'));
    notification.warning({ key: CONFLICT, title: t('conflict.title'), description: t('conflict.hint'), actions });
  };
  return (error, form, onReload) => {
    const failure = error instanceof ApiFailure ? error : undefined;
    const faults = failure?.faults ?? [];
    if (failure?.status === 409 && faults.some(({ path }) => path === 'version')) {
      showConflict(onReload);
      return;
    }
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
