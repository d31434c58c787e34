import { Flex, Spin, Tag, Typography } from 'antd';
import { useTexts } from '../../texts/texts.tsx';
import { type RevisionDiff, useRevisionDiff } from './use-revisions.ts';

type Kind = RevisionDiff['kinds'][number];

/** Every row that a revision added, removed or changed, with the fields before and after. */
export function RevisionChanges({ before, after }: { readonly before: number; readonly after: number }) {
  const diff = useRevisionDiff(before, after);
  if (diff.data === undefined) return <Spin />;
  return (
    <Flex vertical gap={8}>
      {diff.data.kinds.map((kind) => (
        <KindChanges key={kind.kind} kind={kind} />
      ))}
    </Flex>
  );
}

function KindChanges({ kind: { kind, added, removed, changed } }: { readonly kind: Kind }) {
  const { t } = useTexts();
  return (
    <Flex vertical gap={4}>
      <Typography.Text strong>{kind}</Typography.Text>
      {added.map((row) => (
        <Change key={row.id} color="green" tag={t('revision.added')} text={JSON.stringify(row)} />
      ))}
      {removed.map((row) => (
        <Change key={row.id} color="red" tag={t('revision.removed')} text={JSON.stringify(row)} />
      ))}
      {changed.flatMap(({ id, fields }) =>
        fields.map(({ field, before, after }) => (
          <Change
            key={`${id} ${field}`}
            color="blue"
            tag={t('revision.changed')}
            text={`${id} ${field}: ${shown(before)} → ${shown(after)}`}
          />
        )),
      )}
    </Flex>
  );
}

function Change({ color, tag, text }: { readonly color: string; readonly tag: string; readonly text: string }) {
  return (
    <Flex gap={4} align="flex-start">
      <Tag color={color}>{tag}</Tag>
      <Typography.Text code style={{ overflowWrap: 'anywhere' }}>
        {text}
      </Typography.Text>
    </Flex>
  );
}

function shown(value: unknown): string {
  return value === undefined ? '–' : JSON.stringify(value);
}
