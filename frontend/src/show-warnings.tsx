import { App, Flex, Typography } from 'antd';
import type { Schemas } from './api/client.ts';
import { useTexts } from './texts/texts.tsx';

/** Warnings that are shown at a time; the page of checks has all. */
const SHOWN = 5;

/** Shows what the answer to a change warns of, if it does. */
export function useShowWarnings(): (answer: unknown) => void {
  const { notification } = App.useApp();
  const { t } = useTexts();
  return (answer) => {
    const warnings = warningsOf(answer);
    if (warnings.length === 0) return;
    const left = warnings.length - SHOWN;
    const description = (
      <Flex vertical gap={4}>
        {warnings.slice(0, SHOWN).map(({ rule, id, name, path, message }) => (
          <Typography.Text key={`${rule} ${id} ${path}`}>
            {name}: {message} <Typography.Text type="secondary">{rule}</Typography.Text>
          </Typography.Text>
        ))}
        {left > 0 && t('lint.more', { count: left })}
      </Flex>
    );
    notification.warning({ title: t('lint.saved'), description, duration: 8, placement: 'top' });
  };
}

function warningsOf(answer: unknown): readonly Schemas['LintFinding'][] {
  if (typeof answer !== 'object' || answer === null || !('warnings' in answer)) return [];
  // Answers to changes have no other field of this name.
  return answer.warnings as readonly Schemas['LintFinding'][];
}
