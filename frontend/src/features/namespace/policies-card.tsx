import { PlusOutlined } from '@ant-design/icons';
import { Button, Card, Flex, Table, type TableColumnsType, Tag, Typography } from 'antd';
import { useState } from 'react';
import { MayChange } from '../../access.tsx';
import { useSchedule } from '../../api/schedule.ts';
import { DraftModal } from '../../components/draft-modal.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { EffectiveFromField } from '../../components/effective-from-field.tsx';
import { isoOf } from '../../components/local-time.ts';
import { RowActions } from '../../components/row-actions.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { PolicyConcerns } from './policy-concerns.tsx';
import { usePolicyEffect } from './policy-effect.ts';
import { PolicyFields } from './policy-fields.tsx';
import { SimulateDraftButton, SimulateRowButton } from './simulate-button.tsx';
import { type Policy, type PolicyDraft, usePolicies } from './use-namespace.ts';

const NEW: Partial<PolicyDraft> = {
  mode: 'enforce',
  priority: 100,
  isEnabled: true,
  scope: {},
  countPer: [],
  onLimiterDown: 'local',
  rule: { kind: 'qps-limit', maxQps: 10, windowSeconds: 1, algorithm: 'gcra' },
};

/** A policy as the form has it: with the time when it is to hold. */
type FormDraft = PolicyDraft & { readonly effectiveFrom?: string };

/** What holds for the requests of a namespace. */
export function PoliciesCard({ namespaceId }: { readonly namespaceId: string }) {
  const { t } = useTexts();
  const { list, save, remove } = usePolicies(namespaceId);
  const schedule = useSchedule();
  const [editing, setEditing] = useState<{ id: string | undefined; draft: Partial<PolicyDraft> }>();
  const showError = useShowError();
  const effectOf = usePolicyEffect();
  const saveOrSchedule = ({ effectiveFrom, ...draft }: FormDraft) => {
    const [id, body] = [editing?.id, { ...draft, namespaceId }];
    if (effectiveFrom === undefined) return save.mutateAsync({ id, body });
    const resource = 'policies';
    const write =
      id === undefined
        ? ({ action: 'create', resource, draft: body } as const)
        : ({ action: 'update', resource, id, draft: body } as const);
    return schedule.mutateAsync({ effectiveFrom: isoOf(effectiveFrom), writes: [write] });
  };
  const columns: TableColumnsType<Policy> = [
    { key: 'name', title: t('common.name'), dataIndex: 'name' },
    { key: 'kind', title: t('policy.kind'), render: (_, { rule }) => <Tag>{t(`kind.${rule.kind}`)}</Tag> },
    {
      key: 'effect',
      title: t('policy.effect'),
      render: (_, row) => (
        <>
          {effectOf(row.rule)}
          <PolicyConcerns policy={row} />
        </>
      ),
    },
    {
      key: 'mode',
      title: t('policy.mode'),
      render: (_, { mode, isEnabled }) => {
        const color = mode === 'enforce' ? 'green' : 'orange';
        return isEnabled ? <Tag color={color}>{t(`policy.${mode}`)}</Tag> : <Tag>–</Tag>;
      },
    },
    { key: 'priority', title: t('common.priority'), dataIndex: 'priority' },
    {
      key: 'actions',
      title: t('common.actions'),
      width: 180,
      render: (_, row) => (
        <Flex gap={4}>
          <SimulateRowButton namespaceId={namespaceId} policyId={row.id} draft={unversioned(row)} />
          <RowActions
            name={row.name}
            onEdit={() => setEditing({ id: row.id, draft: draftOf(row) })}
            onCopy={() => {
              const name = t('policy.copyName', { name: row.name });
              setEditing({ id: undefined, draft: { ...unversioned(row), name } });
            }}
            onDelete={() => remove.mutate(row.id, { onError: (error) => showError(error) })}
          />
        </Flex>
      ),
    },
  ];
  return (
    <Card
      title={t('policy.title')}
      extra={
        <MayChange>
          <Button icon={<PlusOutlined />} onClick={() => setEditing({ id: undefined, draft: NEW })}>
            {t('policy.new')}
          </Button>
        </MayChange>
      }
    >
      <Typography.Paragraph type="secondary">{t('policy.hint')}</Typography.Paragraph>
      <Table
        rowKey="id"
        size="small"
        columns={columns}
        dataSource={list.data?.items ?? []}
        loading={list.isPending}
        pagination={false}
        scroll={{ x: 720 }}
      />
      <DraftModal<FormDraft>
        title={editing?.id === undefined ? t('policy.new') : t('action.edit')}
        draft={editing?.draft}
        isSaving={save.isPending || schedule.isPending}
        onSave={saveOrSchedule}
        onClose={() => setEditing(undefined)}
        width={640}
      >
        <PolicyFields />
        <EffectiveFromField />
        <SimulateDraftButton namespaceId={namespaceId} policyId={editing?.id} />
      </DraftModal>
    </Card>
  );
}

/** A policy as the draft of another: without the version of the row that it was made from. */
function unversioned(row: Policy): PolicyDraft {
  const { version: _, ...draft } = draftOf(row);
  return draft;
}
