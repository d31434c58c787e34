import { outcomeKind } from '@ai-gateway/contracts';
import { Button, Card, Flex, Form, Input, InputNumber, Select } from 'antd';
import { isoOf, localTimeOf } from '../../components/local-time.ts';
import { NamespaceSelect } from '../../components/row-select.tsx';
import { useTexts } from '../../texts/texts.tsx';
import type { Filters } from './filters.ts';

export interface RequestFiltersProps {
  readonly filters: Filters;
  readonly onFilter: (filters: Filters) => void;
}

/** Fields to filter the log by; times are of the browser's place. */
export function RequestFilters({ filters, onFilter }: RequestFiltersProps) {
  const { t } = useTexts();
  const { from, to, cursor: _, ...others } = filters;
  const shown: Filters = {
    ...others,
    ...(from !== undefined && { from: localTimeOf(from) }),
    ...(to !== undefined && { to: localTimeOf(to) }),
  };
  const apply = ({ from, to, ...chosen }: Filters) =>
    onFilter({ ...chosen, ...(from && { from: isoOf(from) }), ...(to && { to: isoOf(to) }) });
  return (
    <Card size="small" style={{ marginBottom: 16 }}>
      {/* Another address brings other values into the fields. */}
      <Form key={JSON.stringify(shown)} name="filters" layout="vertical" initialValues={shown} onFinish={apply}>
        <Flex gap={12} wrap align="end">
          <Form.Item name="requestId" label={t('request.id')}>
            <Input maxLength={64} allowClear />
          </Form.Item>
          <Form.Item name="namespaceId" label={t('request.namespace')}>
            <NamespaceSelect />
          </Form.Item>
          <Form.Item name="model" label={t('request.model')}>
            <Input maxLength={200} allowClear />
          </Form.Item>
          <Form.Item name="status" label={t('request.status')}>
            <InputNumber min={100} max={599} precision={0} />
          </Form.Item>
          <Form.Item name="outcome" label={t('request.outcome')}>
            <Select
              allowClear
              style={{ minWidth: 160 }}
              options={outcomeKind.options.map((value) => ({ value, label: t(`outcome.${value}`) }))}
            />
          </Form.Item>
          <Form.Item name="from" label={t('request.from')}>
            <Input type="datetime-local" />
          </Form.Item>
          <Form.Item name="to" label={t('request.to')}>
            <Input type="datetime-local" />
          </Form.Item>
          <Form.Item>
            <Flex gap={8}>
              <Button type="primary" htmlType="submit">
                {t('common.search')}
              </Button>
              <Button onClick={() => onFilter({})}>{t('request.clear')}</Button>
            </Flex>
          </Form.Item>
        </Flex>
      </Form>
    </Card>
  );
}
