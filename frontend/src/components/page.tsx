import { Flex, Typography } from 'antd';
import type { ReactNode } from 'react';

export interface PageProps {
  readonly title: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A page: its title, what can be done, its content. */
export function Page({ title, actions, children }: PageProps) {
  return (
    <section>
      <Flex justify="space-between" align="center" gap={12} wrap style={{ marginBottom: 16 }}>
        <Typography.Title level={3} style={{ margin: 0 }}>
          {title}
        </Typography.Title>
        <Flex gap={8} wrap>
          {actions}
        </Flex>
      </Flex>
      {children}
    </section>
  );
}
