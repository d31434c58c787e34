import { Alert, Flex, Tag, Typography } from 'antd';
import { useTexts } from '../../texts/texts.tsx';
import { policyNamesOf } from './steps.ts';
import type { Explanation } from './use-explain.ts';

const TYPES = { admitted: 'success', waits: 'warning', refused: 'error' } as const;

/** The decision, by whom it was made, and when it would be another. */
export function DecisionAlert({ explanation }: { readonly explanation: Explanation }) {
  const { t } = useTexts();
  const { kind, code, status, message, param, policyIds, passesInMs, maxWaitMs } = explanation.decision;
  const names = policyNamesOf(explanation);
  return (
    <Alert
      showIcon
      type={TYPES[kind]}
      title={t(`explain.${kind}`)}
      description={
        kind !== 'admitted' && (
          <Flex vertical gap={4}>
            <span>
              {status} <Typography.Text code>{code}</Typography.Text> {param && <Tag>{param}</Tag>} {message}
            </span>
            {policyIds.length > 0 && (
              <span>
                {t('explain.decidedBy')}{' '}
                {policyIds.map((id) => (
                  <Tag key={id}>{names.get(id) ?? id}</Tag>
                ))}
              </span>
            )}
            {passesInMs !== undefined && <span>{t('explain.wouldPass', { seconds: secondsText(passesInMs) })}</span>}
            {maxWaitMs !== undefined && <span>{t('explain.maxWait', { seconds: secondsText(maxWaitMs) })}</span>}
          </Flex>
        )
      }
    />
  );
}

/** Seconds of ms, rounded up to a tenth. */
export function secondsText(ms: number): string {
  return (Math.ceil(ms / 100) / 10).toLocaleString();
}
