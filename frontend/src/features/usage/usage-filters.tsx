import { type UsageDimension, usageDimension } from '@ai-gateway/contracts';
import { Button, Card, Flex, Form, Input, Select } from 'antd';
import { useRole } from '../../access.tsx';
import { isoOf, localTimeOf } from '../../components/local-time.ts';
import { NamespaceSelect } from '../../components/row-select.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { RANGES, type UsageView } from './usage-view.ts';

/** What means something to a tenant. */
const OF_TENANT: readonly UsageDimension[] = ['virtualKey', 'model', 'hour', 'day'];

export interface UsageFiltersProps {
  readonly view: UsageView;
  readonly onView: (view: UsageView) => void;
}

/** Range, groups and filters; times are of the browser's place. */
export function UsageFilters({ view, onView }: UsageFiltersProps) {
  const { t } = useTexts();
  const isTenant = useRole() === 'tenant_admin';
  const { from, to, sort: _, order: __, ...others } = view;
  const shown = { ...others, ...(from && { from: localTimeOf(from) }), ...(to && { to: localTimeOf(to) }) };
  const apply = ({ from, to, ...chosen }: UsageView) =>
    onView({ ...chosen, ...(from && { from: isoOf(from) }), ...(to && { to: isoOf(to) }) });
  const offered = usageDimension.options.filter((dimension) => !isTenant || OF_TENANT.includes(dimension));
  return (
    <Card size="small" style={{ marginBottom: 16 }}>
      {/* Another address brings other values into the fields. */}
      <Form key={JSON.stringify(shown)} name="usage" layout="vertical" initialValues={shown} onFinish={apply}>
        <Flex gap={12} wrap align="start">
          <Form.Item name="groupBy" label={t('usage.groupBy')}>
            <Select
              mode="multiple"
              maxCount={4}
              style={{ minWidth: 240 }}
              options={offered.map((value) => ({ value, label: t(`usageBy.${value}`) }))}
            />
          </Form.Item>
          <Form.Item name="days" label={t('usage.range')} extra={t('usage.rangeHint')}>
            <Select
              style={{ minWidth: 160 }}
              options={RANGES.map((value) => ({ value, label: t(`usage.last${value}`) }))}
            />
          </Form.Item>
          <Form.Item name="from" label={t('usage.from')}>
            <Input type="datetime-local" />
          </Form.Item>
          <Form.Item name="to" label={t('usage.to')}>
            <Input type="datetime-local" />
          </Form.Item>
          {!isTenant && (
            <Form.Item name="namespaceId" label={t('usageBy.namespace')}>
              <NamespaceSelect />
            </Form.Item>
          )}
          <Form.Item name="model" label={t('usageBy.model')}>
            <Input maxLength={200} allowClear />
          </Form.Item>
          <Form.Item label=" ">
            <Button type="primary" htmlType="submit">
              {t('common.search')}
            </Button>
          </Form.Item>
        </Flex>
      </Form>
    </Card>
  );
}
