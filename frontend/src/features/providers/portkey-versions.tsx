import { Button, Table, type TableColumnsType, Typography } from 'antd';
import { MayChange } from '../../access.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { textOfRouting } from './portkey-text.ts';
import { type PortkeyConfigVersion, usePortkeyVersions } from './use-portkey-configs.ts';

interface PortkeyVersionsProps {
  readonly id: string;
  /** Begins an edit with the routing of an earlier version. */
  readonly onRestore: (routing: string) => void;
}

/** What a Portkey config has been, from when to when, and by whom. */
export function PortkeyVersions({ id, onRestore }: PortkeyVersionsProps) {
  const { t, language } = useTexts();
  const versions = usePortkeyVersions(id);
  const time = (instant: string | undefined) =>
    instant === undefined ? t('portkey.now') : new Date(instant).toLocaleString(language);
  const columns: TableColumnsType<PortkeyConfigVersion> = [
    { key: 'version', title: t('portkey.version'), render: (_, { config }) => String(config.version ?? '') },
    { key: 'from', title: t('portkey.from'), render: (_, { effectiveFrom }) => time(effectiveFrom) },
    { key: 'to', title: t('portkey.to'), render: (_, { effectiveTo }) => time(effectiveTo) },
    { key: 'actor', title: t('portkey.actor'), dataIndex: 'actor' },
    {
      key: 'routing',
      title: t('portkey.routing'),
      render: (_, { config }) => (
        <Typography.Paragraph ellipsis={{ rows: 2, expandable: true }} style={{ maxWidth: 420, margin: 0 }}>
          <code>{textOfRouting(config)}</code>
        </Typography.Paragraph>
      ),
    },
    {
      key: 'restore',
      title: t('common.actions'),
      render: (_, { config, effectiveTo }) =>
        effectiveTo !== undefined && (
          <MayChange>
            <Button size="small" onClick={() => onRestore(textOfRouting(config))}>
              {t('portkey.restore')}
            </Button>
          </MayChange>
        ),
    },
  ];
  return (
    <Table
      rowKey="change"
      size="small"
      columns={columns}
      dataSource={versions.data?.items ?? []}
      loading={versions.isPending}
      pagination={false}
    />
  );
}
