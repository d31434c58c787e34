import { useMutation, useQueryClient } from '@tanstack/react-query';
import { App } from 'antd';
import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { useTexts } from '../../texts/texts.tsx';

export type Settings = Schemas['Settings'];
export type SettingsChange = Schemas['SettingsChange'];

/** Settings of operators, and how they are changed. */
export function useSettings() {
  const client = useQueryClient();
  const { message } = App.useApp();
  const { t } = useTexts();
  const read = useRead(['settings'], () => dataOf(api.GET('/api/v2/settings')));
  const change = useMutation({
    mutationFn: (body: SettingsChange) => dataOf(api.PATCH('/api/v2/settings', { body })),
    onSuccess: async () => {
      void message.success(t('settings.saved'));
      await client.invalidateQueries({ queryKey: ['settings'] });
    },
  });
  return { read, change };
}
