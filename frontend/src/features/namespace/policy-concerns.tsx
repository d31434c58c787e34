import { policyScope } from '@ai-gateway/contracts';
import { Flex, Tag } from 'antd';
import { useTexts } from '../../texts/texts.tsx';
import { type Policy, useVirtualKeyNames } from './use-namespace.ts';

/** Tags of a policy that concerns only some requests, or that counts them apart. */
export function PolicyConcerns({ policy: { scope, countPer } }: { readonly policy: Policy }) {
  const { t } = useTexts();
  const dimensions = countPer.map((dimension) => t(`dimension.${dimension}`)).join(' + ');
  return (
    <Flex component="span" gap={4} wrap>
      {policyScope.keyof().options.map((field) => {
        const value = scope[field];
        if (value === undefined) return null;
        return (
          <Tag key={field} color="blue">
            {t(`scope.${field}`)}: {field === 'virtualKeyId' ? <VirtualKeyName id={value} /> : value}
          </Tag>
        );
      })}
      {dimensions !== '' && <Tag color="purple">{t('policy.countPerTag', { dimensions })}</Tag>}
    </Flex>
  );
}

function VirtualKeyName({ id }: { readonly id: string }) {
  return useVirtualKeyNames().get(id) ?? id;
}
