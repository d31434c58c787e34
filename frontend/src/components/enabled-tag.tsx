import { Tag } from 'antd';

/** Whether the row of a table is enabled. */
export function EnabledTag({ isEnabled }: { readonly isEnabled: boolean }) {
  return <Tag color={isEnabled ? 'green' : 'default'}>{isEnabled ? '✓' : '–'}</Tag>;
}
