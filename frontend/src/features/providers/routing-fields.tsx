import { Collapse, Flex, Form, Input, InputNumber, Select } from 'antd';
import { NumberField } from '../../components/common-fields.tsx';
import { useTexts } from '../../texts/texts.tsx';

const SOURCES = ['virtualKey', 'header', 'prompt'] as const;
const MODES = ['off', 'measured', 'fixed'] as const;

/** Where a fixed wait begins, ms. */
const FIRST_WAIT_MS = 500;

/** How requests find an upstream, beyond the strategy, folded away. */
export function RoutingFields() {
  const { t } = useTexts();
  // Hidden fields are taken away, so that a fault of theirs is told where it can be seen; their values stay.
  return (
    <>
      <Form.Item noStyle dependencies={['strategy']}>
        {({ getFieldValue }) => getFieldValue('strategy') === 'consistent_hash' && <HashFields />}
      </Form.Item>
      <Collapse
        ghost
        destroyOnHidden
        items={[{ key: 'routing', label: t('routing.advanced'), children: <AdvancedFields /> }]}
      />
    </>
  );
}

function HashFields() {
  const { t } = useTexts();
  return (
    <>
      <Form.Item name={['routing', 'hashOn', 'source']} label={t('routing.hashOn')} extra={t('routing.hashOnHint')}>
        <Select
          placeholder={t('hashOn.virtualKey')}
          options={SOURCES.map((value) => ({ value, label: t(`hashOn.${value}`) }))}
        />
      </Form.Item>
      <Form.Item noStyle dependencies={[['routing', 'hashOn', 'source']]}>
        {({ getFieldValue }) => <HashDetail source={getFieldValue(['routing', 'hashOn', 'source'])} />}
      </Form.Item>
    </>
  );
}

function HashDetail({ source }: { readonly source: (typeof SOURCES)[number] | undefined }) {
  const { t } = useTexts();
  const required = [{ required: true, message: t('common.required') }];
  if (source === 'header') {
    return (
      <Form.Item name={['routing', 'hashOn', 'header']} label={t('routing.header')} rules={required}>
        <Input maxLength={100} placeholder="X-Session-Id" />
      </Form.Item>
    );
  }
  if (source !== 'prompt') return null;
  return (
    <NumberField
      name={['routing', 'hashOn', 'characters']}
      label={t('routing.characters')}
      hint={t('routing.emptyIs', { value: '1,000' })}
    />
  );
}

const EJECTION = [
  ['failures', '5'],
  ['asideMs', '5,000'],
  ['maxPercent', '50'],
  ['slowStartMs', '10,000'],
] as const;

const RETRY = [
  ['budgetRatio', '0.2'],
  ['budgetPerSecond', '10'],
  ['baseDelayMs', '50'],
  ['maxDelayMs', '2,000'],
] as const;

/** Those of one request may be none at all. */
const FROM_ONE: ReadonlySet<string> = new Set(['failures', 'asideMs']);

function AdvancedFields() {
  const { t } = useTexts();
  return (
    <>
      <Form.Item name={['routing', 'hedge']} label={t('routing.hedge')} extra={t('routing.hedgeHint')}>
        <HedgeField />
      </Form.Item>
      <Flex gap={12} wrap>
        {EJECTION.map(([name, value]) => (
          <div key={name} style={{ flex: '1 1 200px' }}>
            <NumberField
              name={['routing', 'ejection', name]}
              label={t(`ejection.${name}`)}
              hint={t('routing.emptyIs', { value })}
              min={FROM_ONE.has(name) ? 1 : 0}
            />
          </div>
        ))}
      </Flex>
      <Flex gap={12} wrap>
        {RETRY.map(([name, value]) => (
          <div key={name} style={{ flex: '1 1 200px' }}>
            <NumberField
              name={['routing', 'retry', name]}
              label={t(`retry.${name}`)}
              hint={t('routing.emptyIs', { value })}
              min={0}
              isFraction={name === 'budgetRatio' || name === 'budgetPerSecond'}
            />
          </div>
        ))}
      </Flex>
    </>
  );
}

/** As the contract has it: absent = off, without `afterMs` = as long as 95 of 100 answers took. */
interface Hedge {
  readonly afterMs?: number | undefined;
}

interface HedgeFieldProps {
  readonly id?: string;
  readonly value?: Hedge | undefined;
  readonly onChange?: (value: Hedge | undefined) => void;
}

function HedgeField({ id, value, onChange }: HedgeFieldProps) {
  const { t } = useTexts();
  const given = value === undefined ? 'off' : 'measured';
  const mode: (typeof MODES)[number] = value?.afterMs === undefined ? given : 'fixed';
  const hedges = { off: undefined, measured: {}, fixed: { afterMs: FIRST_WAIT_MS } };
  return (
    <Flex gap={12}>
      <Select
        {...(id !== undefined && { id })}
        value={mode}
        onChange={(chosen) => onChange?.(hedges[chosen])}
        options={MODES.map((option) => ({ value: option, label: t(`hedge.${option}`) }))}
        style={{ flex: 1 }}
      />
      {mode === 'fixed' && (
        <InputNumber
          aria-label={t('hedge.afterMs')}
          min={1}
          max={60_000}
          precision={0}
          value={value?.afterMs ?? FIRST_WAIT_MS}
          onChange={(afterMs) => onChange?.({ afterMs: afterMs ?? FIRST_WAIT_MS })}
        />
      )}
    </Flex>
  );
}
