import { Flex, Tag, Typography } from 'antd';
import { Link } from 'react-router';
import { useTexts } from '../../texts/texts.tsx';
import { secondsText } from './decision-alert.tsx';
import { ResultTag } from './result-tag.tsx';
import type { Explanation } from './use-explain.ts';

/** The namespace that was found. */
export function NamespaceStep({ namespace }: { readonly namespace: Explanation['namespace'] | undefined }) {
  const { t } = useTexts();
  if (namespace === undefined) return null;
  const { id, code, isEnabled, authMode, maxWaitMs } = namespace;
  return (
    <Flex gap={8} wrap align="center">
      <Link to={`/namespaces/${encodeURIComponent(id)}`}>{code}</Link>
      <Tag>{t(`namespace.${authMode}`)}</Tag>
      {maxWaitMs > 0 && <Tag>{t('explain.maxWait', { seconds: secondsText(maxWaitMs) })}</Tag>}
      {!isEnabled && <ResultTag tone="bad">{t('explain.disabled')}</ResultTag>}
    </Flex>
  );
}

/** Who calls. */
export function CallerStep({ caller }: { readonly caller: Explanation['caller'] | undefined }) {
  const { t } = useTexts();
  if (caller === undefined) return null;
  const { kind, name, virtualKeyId, tenantId, customerTypeId, account } = caller;
  return (
    <Flex gap={8} wrap align="center">
      {kind === 'anonymous' ? t('explain.anonymous') : (name ?? virtualKeyId)}
      {tenantId !== undefined && (
        <Tag>
          {t('request.tenant')}: {tenantId}
        </Tag>
      )}
      {customerTypeId !== undefined && (
        <Tag>
          {t('request.customerType')}: {customerTypeId}
        </Tag>
      )}
      {account !== undefined && (
        <ResultTag tone={account.status === 'frozen' ? 'bad' : STANDINGS[account.standing]}>
          {t('account.balance')}: {t(`account.${account.status === 'frozen' ? 'frozen' : account.standing}`)}
        </ResultTag>
      )}
    </Flex>
  );
}

/** The model that is asked for, the one that is sent, and to whom. */
export function ModelStep({ model }: { readonly model: Explanation['model'] | undefined }) {
  const { t } = useTexts();
  if (model === undefined) return null;
  const { requested, resolved, provider } = model;
  return (
    <span>
      <Typography.Text code>{requested}</Typography.Text> → <Typography.Text code>{resolved}</Typography.Text>{' '}
      {t('request.provider')}: {provider}
    </span>
  );
}

const STANDINGS = { good: 'good', low: 'warning', exhausted: 'bad' } as const;
const TONES = { passes: 'good', refuses: 'bad', not_concerned: 'neutral' } as const;

/** Every message policy, with what it says. */
export function MessagesStep({ policies }: { readonly policies: Explanation['messagePolicies'] }) {
  const { t } = useTexts();
  return (
    <Flex vertical gap={4}>
      {policies.map(({ policyId, policyName, isObserved, result }) => (
        <span key={policyId}>
          {policyName} <ResultTag tone={TONES[result]}>{t(`explain.${result}`)}</ResultTag>
          {isObserved && <ResultTag tone="warning">{t('limits.observes')}</ResultTag>}
        </span>
      ))}
    </Flex>
  );
}
