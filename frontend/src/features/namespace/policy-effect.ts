import { useConditionText } from '../../components/condition-fields.tsx';
import { useTexts } from '../../texts/texts.tsx';
import type { Policy } from './use-namespace.ts';

type Rule = Policy['rule'];

/** What a policy does, in words and with its effective numbers. */
export function usePolicyEffect(): (rule: Rule) => string {
  const { t } = useTexts();
  const conditionText = useConditionText();
  return (rule) => {
    switch (rule.kind) {
      case 'qps-limit':
        return t('qps.effect', {
          requests: (rule.maxQps * rule.windowSeconds).toLocaleString(),
          seconds: rule.windowSeconds,
        });
      case 'request-limit':
        return rule.windows
          .map(({ maxRequests, windowSeconds }) =>
            t('request.windowEffect', {
              requests: maxRequests.toLocaleString(),
              seconds: windowSeconds.toLocaleString(),
            }),
          )
          .join(' · ');
      case 'concurrency-limit':
        return t('concurrency.effect', { max: rule.maxConcurrent.toLocaleString() });
      case 'token-limit':
        return [
          rule.maxInputTokens && t('token.inputEffect', { tokens: rule.maxInputTokens.toLocaleString() }),
          rule.maxOutputTokens && t('token.outputEffect', { tokens: rule.maxOutputTokens.toLocaleString() }),
          ...rule.windows.map(({ counts, maxTokens, windowSeconds }) =>
            t('token.windowEffect', {
              counts: t(`token.${counts}`),
              tokens: maxTokens.toLocaleString(),
              seconds: windowSeconds.toLocaleString(),
            }),
          ),
        ]
          .filter(Boolean)
          .join(' · ');
      case 'budget-limit':
        return rule.windows
          .map(({ maxAmount, windowSeconds }) =>
            t('budget.windowEffect', { amount: maxAmount, seconds: windowSeconds.toLocaleString() }),
          )
          .join(' · ');
      case 'message-matching':
        return t(rule.action === 'allow' ? 'message.allowEffect' : 'message.denyEffect', {
          condition: conditionText(rule.condition),
        });
      default:
        return rule satisfies never;
    }
  };
}
