import { PlayCircleOutlined, PlusOutlined } from '@ant-design/icons';
import { Button, Form, Input, Table, type TableColumnsType } from 'antd';
import { useState } from 'react';
import { MayChange } from '../../access.tsx';
import { EnabledField, NameField } from '../../components/common-fields.tsx';
import { DraftModal } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { EnabledTag } from '../../components/enabled-tag.tsx';
import { Page } from '../../components/page.tsx';
import { RowActions } from '../../components/row-actions.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { CaseResults, ResultTag } from './case-results.tsx';
import { faultOfCases, textOfCases } from './cases-text.ts';
import { type PolicyTest, usePolicyTests } from './use-policy-tests.ts';

/** A test as the form has it: its cases as JSON text. */
type FormDraft = Omit<ReturnType<typeof draftOf<PolicyTest>>, 'cases' | 'version'> & {
  readonly cases: string;
  readonly version?: number;
};

const EXAMPLE = [
  {
    name: '',
    atMs: 0,
    request: { headers: { 'X-Channel-Code': '' }, body: { model: '', messages: [] } },
    expect: { decision: 'allowed' },
  },
];

/** What the rules must decide, and whether they do. */
export function PolicyTestsPage() {
  const { t } = useTexts();
  const showError = useShowError();
  const { list, save, remove, run } = usePolicyTests();
  const [editing, setEditing] = useState<{ id: string | undefined; draft: Partial<FormDraft> }>();
  const results = new Map(run.data?.results.map((result) => [result.testId, result]));
  const columns: TableColumnsType<PolicyTest> = [
    { key: 'name', title: t('common.name'), dataIndex: 'name' },
    { key: 'description', title: t('common.description'), dataIndex: 'description' },
    { key: 'cases', title: t('policyTest.cases'), render: (_, { cases }) => cases.length },
    { key: 'enabled', title: t('common.status'), render: (_, { isEnabled }) => <EnabledTag isEnabled={isEnabled} /> },
    {
      key: 'result',
      title: t('policyTest.result'),
      render: (_, { id }) => {
        const result = results.get(id);
        return result === undefined ? t('common.none') : <ResultTag isPassed={result.isPassed} />;
      },
    },
    {
      key: 'actions',
      title: t('common.actions'),
      render: (_, row) => (
        <RowActions
          name={row.name}
          onEdit={() => setEditing({ id: row.id, draft: { ...draftOf(row), cases: textOfCases(row.cases) } })}
          onDelete={() => remove.mutate(row.id, { onError: (error) => showError(error) })}
        />
      ),
    },
  ];
  return (
    <Page
      title={t('policyTest.title')}
      actions={
        <>
          <Button
            icon={<PlayCircleOutlined />}
            loading={run.isPending}
            onClick={() => run.mutate(undefined, { onError: (error) => showError(error) })}
          >
            {t('policyTest.run')}
          </Button>
          <MayChange>
            <Button
              type="primary"
              icon={<PlusOutlined />}
              onClick={() => setEditing({ id: undefined, draft: { isEnabled: true, cases: textOfCases(EXAMPLE) } })}
            >
              {t('policyTest.new')}
            </Button>
          </MayChange>
        </>
      }
    >
      <Table
        rowKey="id"
        columns={columns}
        dataSource={list.data?.items ?? []}
        loading={list.isPending}
        pagination={false}
        scroll={{ x: 'max-content' }}
        expandable={{
          expandedRowRender: ({ id }) => <CaseResults cases={results.get(id)?.cases ?? []} />,
          rowExpandable: ({ id }) => results.has(id),
        }}
      />
      <DraftModal<FormDraft>
        title={editing?.id === undefined ? t('policyTest.new') : t('action.edit')}
        draft={editing?.draft}
        width={760}
        isSaving={save.isPending}
        onSave={({ cases, ...draft }) =>
          save.mutateAsync({ id: editing?.id, body: { ...draft, cases: JSON.parse(cases) } })
        }
        onClose={() => setEditing(undefined)}
      >
        <TestFields />
      </DraftModal>
    </Page>
  );
}

function TestFields() {
  const { t } = useTexts();
  return (
    <>
      <NameField />
      <Form.Item name="description" label={t('common.description')}>
        <Input maxLength={500} />
      </Form.Item>
      <EnabledField />
      <Form.Item
        name="cases"
        label={t('policyTest.cases')}
        extra={t('policyTest.casesHint')}
        rules={[
          {
            validator: async (_, text: string) => {
              const fault = faultOfCases(text);
              if (fault !== undefined) throw new Error(t('policyTest.notJson', { fault }));
            },
          },
        ]}
      >
        <Input.TextArea rows={16} spellCheck={false} style={{ fontFamily: 'monospace' }} />
      </Form.Item>
    </>
  );
}
