import { Alert, Flex, Tag, Typography } from 'antd';
import { useTexts } from '../../texts/texts.tsx';
import type { RuleSetPlan } from './use-rule-file.ts';

const COLOURS = { create: 'green', update: 'blue', delete: 'red' } as const;

/** Changes that are drawn; a file may have many thousands. */
const SHOWN = 200;

/** What a file would change, row by row, and what would be doubtful by it. */
export function PlanView({ plan: { changes, findings } }: { readonly plan: RuleSetPlan }) {
  const { t } = useTexts();
  if (changes.length === 0) return <Alert type="success" showIcon title={t('ruleFile.same')} />;
  return (
    <Flex vertical gap={4}>
      {findings.slice(0, SHOWN).map(({ rule, severity, kind, name, message }) => (
        <Alert
          key={`${rule} ${kind} ${name} ${message}`}
          type={severity}
          showIcon
          title={`${kind} ${name}: ${message} (${rule})`}
        />
      ))}
      {changes.slice(0, SHOWN).map(({ action, kind, name, fields }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows may share a name, and the list never changes
        <div key={index}>
          <Tag color={COLOURS[action]}>{t(`ruleFile.${action}`)}</Tag>
          {kind} <Typography.Text strong>{name}</Typography.Text>
          {action === 'update' &&
            fields.map(({ field, before, after }) => (
              <Typography.Paragraph key={field} code style={{ margin: '0 0 0 24px', overflowWrap: 'anywhere' }}>
                {field}: {shown(before)} → {shown(after)}
              </Typography.Paragraph>
            ))}
        </div>
      ))}
      {changes.length > SHOWN && t('lint.more', { count: changes.length - SHOWN })}
    </Flex>
  );
}

function shown(value: unknown): string {
  return value === undefined ? '–' : JSON.stringify(value);
}
