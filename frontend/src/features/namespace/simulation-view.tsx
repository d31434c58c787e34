import { Alert, Button, Flex, Segmented, Spin, Typography } from 'antd';
import { useState } from 'react';
import { ApiFailure } from '../../api/client.ts';
import { type Translate, useTexts } from '../../texts/texts.tsx';
import { SimulatedCountsTable } from './simulated-counts-table.tsx';
import { SimulatedPoliciesTable } from './simulated-policies-table.tsx';
import { RANGES_MS, type Range, type SimulatedPolicy, type Simulation, useSimulation } from './use-simulation.ts';

const RANGES = Object.keys(RANGES_MS) as readonly Range[]; // The record has every range and nothing else.

export interface SimulationViewProps {
  readonly namespaceId: string;
  readonly simulated: SimulatedPolicy;
}

/** What a policy would have done in a range of time, beside what really happened. */
export function SimulationView({ namespaceId, simulated }: SimulationViewProps) {
  const { t } = useTexts();
  const [range, setRange] = useState<Range>('hour');
  const { data, error, isFetching, refetch } = useSimulation(namespaceId, simulated, range);
  return (
    <Flex vertical gap={16}>
      <Flex gap={12} wrap>
        <Segmented<Range>
          value={range}
          onChange={setRange}
          options={RANGES.map((value) => ({ value, label: t(`simulate.${value}`) }))}
        />
        <Button disabled={isFetching} onClick={() => void refetch()}>
          {t('simulate.again')}
        </Button>
      </Flex>
      {error !== null && <Alert type="error" title={failureText(error, t)} />}
      {error === null && data && (
        <Spin spinning={isFetching}>
          <Result simulation={data} />
        </Spin>
      )}
    </Flex>
  );
}

/** What is wrong, with the fields of the draft that it is about. */
function failureText(error: Error, t: Translate): string {
  const faults = error instanceof ApiFailure ? error.faults : [];
  const fields = faults.map(({ path, message }) => `${path.replace(/^policies\.0\./, '')}: ${message}`);
  return [error.message || t('failure.offline'), ...fields].join(' ');
}

function Result({ simulation }: { readonly simulation: Simulation }) {
  const { t, language } = useTexts();
  const { total, byHour, byKey, byPolicy } = simulation;
  const hour = (at: string) =>
    new Date(at).toLocaleString(language, { month: 'numeric', day: 'numeric', hour: 'numeric', minute: '2-digit' });
  return (
    <Flex vertical gap={16}>
      <Typography.Text strong role="status">
        {t('simulate.total', {
          requests: total.requests.toLocaleString(),
          refused: total.refused.toLocaleString(),
          actual: total.actual.refused.toLocaleString(),
        })}
      </Typography.Text>
      <Notes simulation={simulation} />
      <SimulatedCountsTable
        title={t('simulate.hours')}
        rows={byHour.map((counts) => ({ ...counts, key: counts.hour, label: hour(counts.hour) }))}
      />
      <SimulatedCountsTable
        title={t('simulate.keys')}
        rows={byKey.map((counts) => ({
          ...counts,
          key: counts.virtualKeyId ?? '',
          label: counts.name ?? t('simulate.noKey'),
        }))}
      />
      <SimulatedPoliciesTable policies={byPolicy} />
    </Flex>
  );
}

/** What a replay cannot know. */
function Notes({ simulation }: { readonly simulation: Simulation }) {
  const { t, language } = useTexts();
  const { notReplayed, assumed, isTruncated, replayedTo, unrecordedFields } = simulation;
  const until = replayedTo === undefined ? '–' : new Date(replayedTo).toLocaleString(language);
  return (
    <>
      {isTruncated && <Alert type="warning" title={t('simulate.truncated', { until })} />}
      {unrecordedFields.length > 0 && (
        <Alert type="warning" title={t('simulate.unrecorded', { fields: unrecordedFields.join(', ') })} />
      )}
      {assumed > 0 && <Alert type="info" title={t('simulate.assumed', { count: assumed.toLocaleString() })} />}
      {notReplayed > 0 && (
        <Alert type="info" title={t('simulate.notReplayed', { count: notReplayed.toLocaleString() })} />
      )}
    </>
  );
}
