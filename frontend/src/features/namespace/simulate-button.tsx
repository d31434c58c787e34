import { ExperimentOutlined } from '@ant-design/icons';
import { Button, Drawer, Form } from 'antd';
import { useState } from 'react';
import { withoutEmpty } from '../../components/draft-modal.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { SimulationView } from './simulation-view.tsx';
import type { PolicyDraft } from './use-namespace.ts';
import type { SimulatedPolicy } from './use-simulation.ts';

export interface SimulateRowButtonProps {
  readonly namespaceId: string;
  readonly policyId: string;
  /** As it stands. */
  readonly draft: PolicyDraft;
}

/** Shows what a policy, as it stands, does to the requests of the log. */
export function SimulateRowButton({ namespaceId, policyId, draft }: SimulateRowButtonProps) {
  const { t } = useTexts();
  const [simulated, setSimulated] = useState<SimulatedPolicy>();
  return (
    <>
      <Button
        type="text"
        icon={<ExperimentOutlined />}
        aria-label={`${t('simulate.action')} ${draft.name}`}
        onClick={() => setSimulated({ id: policyId, draft })}
      />
      <SimulationDrawer namespaceId={namespaceId} simulated={simulated} onClose={() => setSimulated(undefined)} />
    </>
  );
}

export interface SimulateDraftButtonProps {
  readonly namespaceId: string;
  /** The policy that the draft would replace; undefined for a new one. */
  readonly policyId: string | undefined;
}

/** In the form of a policy: shows what the draft would have done, before it is saved. */
export function SimulateDraftButton({ namespaceId, policyId }: SimulateDraftButtonProps) {
  const { t } = useTexts();
  const form = Form.useFormInstance<PolicyDraft>();
  const [simulated, setSimulated] = useState<SimulatedPolicy>();
  const simulate = async () => {
    const isComplete = await form.validateFields().then(
      () => true,
      () => false,
    );
    // What is missing is told at its field.
    if (!isComplete) return;
    // Also what no field shows; the version is of the row and the time of the change, not of the draft.
    const fields: PolicyDraft & { version?: number; effectiveFrom?: string } = withoutEmpty(form.getFieldsValue(true));
    const { version: _, effectiveFrom: __, ...draft } = fields;
    setSimulated({ id: policyId, draft });
  };
  return (
    <>
      <Button icon={<ExperimentOutlined />} onClick={() => void simulate()}>
        {t('simulate.action')}
      </Button>
      <SimulationDrawer namespaceId={namespaceId} simulated={simulated} onClose={() => setSimulated(undefined)} />
    </>
  );
}

interface SimulationDrawerProps {
  readonly namespaceId: string;
  /** Undefined = closed. */
  readonly simulated: SimulatedPolicy | undefined;
  readonly onClose: () => void;
}

function SimulationDrawer({ namespaceId, simulated, onClose }: SimulationDrawerProps) {
  const { t } = useTexts();
  // What is shown stays while the drawer glides away.
  const [shown, setShown] = useState(simulated);
  if (simulated && simulated !== shown) setShown(simulated);
  return (
    <Drawer
      title={t('simulate.title', { name: shown?.draft.name ?? '' })}
      open={simulated !== undefined}
      onClose={onClose}
      size="large"
      destroyOnHidden
    >
      {shown && <SimulationView namespaceId={namespaceId} simulated={shown} />}
    </Drawer>
  );
}
