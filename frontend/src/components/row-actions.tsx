import { CopyOutlined, DeleteOutlined, EditOutlined } from '@ant-design/icons';
import { Button, Flex, Popconfirm } from 'antd';
import { MayChange } from '../access.tsx';
import { useTexts } from '../texts/texts.tsx';

export interface RowActionsProps {
  readonly name: string;
  readonly onEdit: () => void;
  readonly onDelete: () => void;
  readonly onCopy?: () => void;
  readonly deleteHint?: string;
}

/** Edit, copy and delete of one row; deleting asks first. */
export function RowActions({ name, onEdit, onDelete, onCopy, deleteHint }: RowActionsProps) {
  const { t } = useTexts();
  return (
    <MayChange>
      <Flex gap={4}>
        <Button type="text" icon={<EditOutlined />} aria-label={`${t('action.edit')} ${name}`} onClick={onEdit} />
        {onCopy && (
          <Button type="text" icon={<CopyOutlined />} aria-label={`${t('action.copy')} ${name}`} onClick={onCopy} />
        )}
        <Popconfirm
          title={t('confirm.delete', { name })}
          description={deleteHint ?? t('confirm.deleteHint')}
          okText={t('action.delete')}
          cancelText={t('action.cancel')}
          okButtonProps={{ danger: true }}
          onConfirm={onDelete}
        >
          <Button type="text" danger icon={<DeleteOutlined />} aria-label={`${t('action.delete')} ${name}`} />
        </Popconfirm>
      </Flex>
    </MayChange>
  );
}
