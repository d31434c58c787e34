import { Tag } from 'antd';
import { useTexts } from '../../texts/texts.tsx';
import type { UpstreamHealth } from './use-health.ts';

export interface HealthTagProps {
  readonly isEnabled: boolean;
  readonly health: UpstreamHealth;
}

/** Whether an upstream takes traffic, and which gateways have set it aside. */
export function HealthTag({ isEnabled, health: { aside, gateways } }: HealthTagProps) {
  const { t } = useTexts();
  if (!isEnabled || gateways === 0) return t('common.none');
  if (aside.length === 0) return <Tag color="green">{t('upstream.healthy')}</Tag>;
  return <Tag color="red">{t('upstream.aside', { gateways: aside.join(', ') })}</Tag>;
}
