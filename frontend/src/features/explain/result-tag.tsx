import { Tag } from 'antd';
import type { ReactNode } from 'react';

const COLOURS = { good: 'green', bad: 'red', warning: 'orange', neutral: 'default' } as const;

/** The result of one row of an explanation. */
export function ResultTag({ tone, children }: { readonly tone: keyof typeof COLOURS; readonly children: ReactNode }) {
  return <Tag color={COLOURS[tone]}>{children}</Tag>;
}
