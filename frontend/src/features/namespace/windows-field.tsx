import { DeleteOutlined, PlusOutlined } from '@ant-design/icons';
import { Button, Flex, Form } from 'antd';
import type { ReactNode } from 'react';
import { useTexts } from '../../texts/texts.tsx';

export interface WindowsFieldProps {
  /** What a window that is added begins with. */
  readonly first: object;
  /** Windows that must stay. */
  readonly min?: number;
  readonly hint?: string;
  /** The fields of the window at a place of the list. */
  readonly children: (name: number) => ReactNode;
}

/** The windows of a rule: any number of them, each in a row. */
export function WindowsField({ first, min = 0, hint, children }: WindowsFieldProps) {
  const { t } = useTexts();
  return (
    <Form.Item label={t('window.list')} extra={hint}>
      <Form.List name={['rule', 'windows']}>
        {(fields, { add, remove }) => (
          <>
            {fields.map(({ key, name }) => (
              <Flex key={key} gap={12} align="end">
                {children(name)}
                <Form.Item>
                  <Button
                    icon={<DeleteOutlined />}
                    aria-label={t('action.delete')}
                    disabled={fields.length <= min}
                    onClick={() => remove(name)}
                  />
                </Form.Item>
              </Flex>
            ))}
            <Button icon={<PlusOutlined />} onClick={() => add(first)}>
              {t('action.add')}
            </Button>
          </>
        )}
      </Form.List>
    </Form.Item>
  );
}
