import { Flex, Table, type TableColumnsType, Tag, Tooltip, Typography } from 'antd';
import { limitValue } from '../../components/limit-value.ts';
import { type Translate, useTexts } from '../../texts/texts.tsx';
import { secondsText } from './decision-alert.tsx';
import { ResultTag } from './result-tag.tsx';
import type { Explanation } from './use-explain.ts';

type Limit = Explanation['limits'][number];
type Layer = NonNullable<Limit['layer']>;

/** Every counter of the request: where its limit stands, how it would move, and whether it has room. */
export function LimitsTable({ explanation: { limits, limitStore } }: { readonly explanation: Explanation }) {
  const { t } = useTexts();
  if (limits.length === 0) return null;
  return (
    <Flex vertical gap={8}>
      {limitStore && (
        <Tooltip title={t(`store.${limitStore}Hint`)}>
          <Tag style={{ alignSelf: 'flex-start' }}>{t(`store.${limitStore}`)}</Tag>
        </Tooltip>
      )}
      <Table
        rowKey="key"
        size="small"
        columns={limitColumns(t)}
        dataSource={limits}
        pagination={{ pageSize: 20, hideOnSinglePage: true }}
        scroll={{ x: 'max-content' }}
      />
    </Flex>
  );
}

function limitColumns(t: Translate): TableColumnsType<Limit> {
  return [
    {
      key: 'policy',
      title: t('limits.policy'),
      render: (_, { policyName, countedFor, isObserved }) => (
        <>
          {policyName} {isObserved && <ResultTag tone="warning">{t('limits.observes')}</ResultTag>}
          <Typography.Text type="secondary">{countedFor}</Typography.Text>
        </>
      ),
    },
    { key: 'level', title: t('explain.level'), render: (_, limit) => <Level limit={limit} /> },
    { key: 'counts', title: t('limits.counts'), render: (_, { counts }) => t(`counts.${counts}`) },
    {
      key: 'moves',
      title: t('explain.moves'),
      align: 'right',
      render: (_, { before, after, counts }) => `${limitValue(before, counts)} → ${limitValue(after, counts)}`,
    },
    {
      key: 'bound',
      title: t('explain.bound'),
      align: 'right',
      render: (_, { bound, counts }) => limitValue(bound, counts),
    },
    {
      key: 'result',
      title: t('explain.result'),
      render: (_, { isPassed }) => (
        <ResultTag tone={isPassed ? 'good' : 'bad'}>{t(isPassed ? 'explain.hasRoom' : 'explain.isFull')}</ResultTag>
      ),
    },
    { key: 'passes', title: t('explain.passes'), align: 'right', render: (_, limit) => passesText(limit, t) },
  ];
}

function passesText({ isPassed, passesInMs }: Limit, t: Translate): string {
  if (isPassed) return t('explain.now');
  if (passesInMs === undefined) return t('explain.never');
  return t('explain.inSeconds', { seconds: secondsText(passesInMs) });
}

/** Where a layered limit stands, with the less specific ones that it replaces. */
function Level({ limit: { layer, overridden } }: { readonly limit: Limit }) {
  const { t } = useTexts();
  if (layer === undefined) return t('explain.policyLevel');
  return (
    <Flex vertical>
      {levelText(layer, t)}
      {overridden.map((one) => (
        <Typography.Text key={one.id} type="secondary" delete>
          {levelText(one, t)}
        </Typography.Text>
      ))}
    </Flex>
  );
}

function levelText({ targetType, targetId, providerId, model, bound, windowSeconds }: Layer, t: Translate): string {
  const place = [t(`level.${targetType}`), targetId, providerId, model].filter(Boolean).join(' ');
  return t('explain.layer', { place, bound: bound.toLocaleString(), seconds: windowSeconds.toLocaleString() });
}
