import { countedPer, onLimiterDown } from '@ai-gateway/contracts';
import { Collapse, Flex, Form, Input, Radio, Select, Typography } from 'antd';
import { useTexts } from '../../texts/texts.tsx';
import { useVirtualKeyNames } from './use-namespace.ts';

/** What few policies need, folded away: whom they concern, what they count apart, what holds without counters. */
export function PolicyAdvanced() {
  const { t } = useTexts();
  // Hidden fields are taken away, so that a fault of theirs is told where it can be seen; their values stay.
  return (
    <Collapse
      ghost
      destroyOnHidden
      items={[{ key: 'advanced', label: t('policy.advanced'), children: <AdvancedFields /> }]}
    />
  );
}

/** Dimensions that a policy may combine, as the contract has it. */
const MAX_DIMENSIONS = 4;

function AdvancedFields() {
  const { t } = useTexts();
  return (
    <>
      <ScopeFields />
      <Form.Item noStyle dependencies={[['rule', 'kind']]}>
        {({ getFieldValue }) =>
          getFieldValue(['rule', 'kind']) !== 'message-matching' && (
            <Form.Item name="countPer" label={t('policy.countPer')} extra={t('policy.countPerHint')}>
              <Select
                mode="multiple"
                maxCount={MAX_DIMENSIONS}
                options={countedPer.options.map((value) => ({ value, label: t(`dimension.${value}`) }))}
              />
            </Form.Item>
          )
        }
      </Form.Item>
      <Form.Item name="onLimiterDown" label={t('policy.onLimiterDown')}>
        <Radio.Group
          vertical
          options={onLimiterDown.options.map((value) => ({
            value,
            label: (
              <>
                {t(`down.${value}`)} <Typography.Text type="secondary">{t(`down.${value}Hint`)}</Typography.Text>
              </>
            ),
          }))}
        />
      </Form.Item>
    </>
  );
}

function ScopeFields() {
  const { t } = useTexts();
  const keyNames = useVirtualKeyNames();
  return (
    <>
      <Typography.Paragraph type="secondary">{t('policy.scopeHint')}</Typography.Paragraph>
      <Flex gap={12}>
        <Form.Item name={['scope', 'model']} label={t('scope.model')} extra={t('policy.modelHint')} style={{ flex: 1 }}>
          <Input maxLength={128} />
        </Form.Item>
        <Form.Item name={['scope', 'virtualKeyId']} label={t('scope.virtualKeyId')} style={{ flex: 1 }}>
          <Select
            allowClear
            showSearch={{ optionFilterProp: 'label' }}
            options={[...keyNames].map(([value, label]) => ({ value, label }))}
          />
        </Form.Item>
      </Flex>
    </>
  );
}
