import { Tag } from 'antd';
import type { Schemas } from '../api/client.ts';
import { useTexts } from '../texts/texts.tsx';

type RequestLog = Schemas['RequestLog'];

const OUTCOME_COLOURS: Readonly<Record<RequestLog['outcome'], string>> = {
  completed: 'green',
  cut: 'blue',
  client_left: 'gold',
  upstream_failed: 'red',
  partial: 'orange',
  refused: 'volcano',
  crashed: 'red',
};

/** The status that a request was answered with, and how it ended. */
export function RequestTags({ request: { status, outcome } }: { readonly request: RequestLog }) {
  const { t } = useTexts();
  return (
    <>
      <Tag color={status < 400 ? 'green' : 'red'}>{status}</Tag>
      <Tag color={OUTCOME_COLOURS[outcome]}>{t(`outcome.${outcome}`)}</Tag>
    </>
  );
}
