import { Table, type TableColumnsType, Tag } from 'antd';
import { useTexts } from '../../texts/texts.tsx';
import type { PolicyTestCaseResult } from './use-policy-tests.ts';

/** What became of each case of a test. */
export function CaseResults({ cases }: { readonly cases: readonly PolicyTestCaseResult[] }) {
  const { t } = useTexts();
  const columns: TableColumnsType<PolicyTestCaseResult> = [
    { key: 'name', title: t('policyTest.case'), dataIndex: 'name' },
    {
      key: 'result',
      title: t('policyTest.result'),
      render: (_, { isPassed }) => <ResultTag isPassed={isPassed} />,
    },
    {
      key: 'decision',
      title: t('policyTest.decision'),
      render: (_, { decision, code }) =>
        [t(decision === 'allowed' ? 'policyTest.allowed' : 'policyTest.refused'), code].filter(Boolean).join(' · '),
    },
    { key: 'namespace', title: t('policyTest.namespace'), render: (_, { namespace }) => namespace ?? t('common.none') },
    {
      key: 'policies',
      title: t('policyTest.policies'),
      render: (_, { policies }) => policies.map(({ name }) => name).join(', ') || t('common.none'),
    },
    { key: 'message', title: t('policyTest.message'), dataIndex: 'message' },
  ];
  const rows = cases.map((one, index) => ({ ...one, index }));
  return <Table rowKey="index" size="small" columns={columns} dataSource={rows} pagination={false} />;
}

/** Whether a test or a case has passed. */
export function ResultTag({ isPassed }: { readonly isPassed: boolean }) {
  const { t } = useTexts();
  return <Tag color={isPassed ? 'green' : 'red'}>{t(isPassed ? 'policyTest.passed' : 'policyTest.failed')}</Tag>;
}
