import { unsupportedAction } from '@ai-gateway/contracts';
import { useTexts } from '../texts/texts.tsx';
import { ChoiceField } from './choice-fields.tsx';

export interface UnsupportedFieldProps {
  /** Who says it where it is left empty; without a hint it cannot be. */
  readonly hint?: string;
}

/** What becomes of what a provider or a model cannot do. */
export function UnsupportedField({ hint }: UnsupportedFieldProps) {
  const { t } = useTexts();
  return (
    <ChoiceField
      name="onUnsupported"
      label={t('onUnsupported.label')}
      hint={hint ?? t('onUnsupported.hint')}
      isRequired={hint === undefined}
      names={new Map(unsupportedAction.options.map((action) => [action, t(`onUnsupported.${action}`)]))}
    />
  );
}
