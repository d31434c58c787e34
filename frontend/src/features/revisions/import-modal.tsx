import { Button, Checkbox, Flex, Form, Input, Modal, Spin, Typography } from 'antd';
import { useState } from 'react';
import { useSchedule } from '../../api/schedule.ts';
import { EffectiveFromField } from '../../components/effective-from-field.tsx';
import { isoOf } from '../../components/local-time.ts';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { PlanView } from './plan-view.tsx';
import { compareRules, type RuleFile, type RuleSetPlan, useApplyRules } from './use-rule-file.ts';

interface Compared {
  readonly sent: RuleFile;
  readonly plan: RuleSetPlan;
}

/** Reads a file of rules, shows what it would change, and applies that or nothing, now or later. */
export function ImportModal({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  const { t } = useTexts();
  return (
    <Modal title={t('ruleFile.import')} open={isOpen} width={760} footer={null} onCancel={onClose} destroyOnHidden>
      <ImportForm onClose={onClose} />
    </Modal>
  );
}

function ImportForm({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTexts();
  const showError = useShowError();
  const [file, setFile] = useState<string>();
  const [prune, setPrune] = useState(false);
  const [compared, setCompared] = useState<Compared>();
  const [isBusy, setBusy] = useState(false);
  const compare = async (sent: RuleFile) => {
    setBusy(true);
    setCompared(undefined);
    try {
      setCompared({ sent, plan: await compareRules(sent) });
    } catch (error) {
      showError(error);
    } finally {
      setBusy(false);
    }
  };
  const choose = async (chosen: File | undefined) => {
    const text = await chosen?.text();
    setFile(text);
    if (text !== undefined) await compare({ file: text, prune });
  };
  const setPruning = async (isPruning: boolean) => {
    setPrune(isPruning);
    if (file !== undefined) await compare({ file, prune: isPruning });
  };
  return (
    <Flex vertical gap={12}>
      <Typography.Text type="secondary">{t('ruleFile.importHint')}</Typography.Text>
      <Input
        type="file"
        accept=".yaml,.yml,.json"
        aria-label={t('ruleFile.file')}
        onChange={({ target }) => void choose(target.files?.[0])}
      />
      <Checkbox checked={prune} onChange={({ target }) => void setPruning(target.checked)}>
        {t('ruleFile.prune')}
      </Checkbox>
      {isBusy && <Spin />}
      {compared && <PlanView plan={compared.plan} />}
      {compared && compared.plan.changes.length > 0 && <ApplyForm compared={compared} onDone={onClose} />}
    </Flex>
  );
}

function ApplyForm({ compared: { sent, plan }, onDone }: { readonly compared: Compared; readonly onDone: () => void }) {
  const { t } = useTexts();
  const showError = useShowError();
  const apply = useApplyRules();
  const schedule = useSchedule();
  const finish = async ({ effectiveFrom }: { effectiveFrom?: string }) => {
    try {
      const writes = [{ action: 'apply' as const, ...sent }];
      if (effectiveFrom) await schedule.mutateAsync({ effectiveFrom: isoOf(effectiveFrom), writes });
      else await apply.mutateAsync({ ...sent, expectedRevision: plan.revision });
      onDone();
    } catch (error) {
      showError(error);
    }
  };
  return (
    <Form layout="vertical" onFinish={(values) => void finish(values)}>
      <EffectiveFromField />
      <Button type="primary" htmlType="submit" loading={apply.isPending || schedule.isPending}>
        {t('ruleFile.apply', { count: plan.changes.length })}
      </Button>
    </Form>
  );
}
