import { Tag, Tooltip } from 'antd';
import { useTexts } from '../../texts/texts.tsx';

/** Whether a count is exact. */
export function ExactTag({ isExact }: { readonly isExact: boolean }) {
  const { t } = useTexts();
  const kind = isExact ? 'exact' : 'estimate';
  return (
    <Tooltip title={t(`tokens.${kind}Hint`)}>
      <Tag color={isExact ? 'green' : 'orange'}>{t(`tokens.${kind}`)}</Tag>
    </Tooltip>
  );
}
