import { Flex, Steps, Typography } from 'antd';
import type { ReactNode } from 'react';
import { useTexts } from '../../texts/texts.tsx';
import { CallerStep, MessagesStep, ModelStep, NamespaceStep } from './caller-steps.tsx';
import { DecisionAlert } from './decision-alert.tsx';
import { LimitsTable } from './limits-table.tsx';
import { MatchersTable } from './matchers-table.tsx';
import { RecordedCard } from './recorded-card.tsx';
import { STEP_NAMES, type StepName, type StepState, stateOf } from './steps.ts';
import { TargetsStep, TokensStep } from './target-steps.tsx';
import type { Explanation } from './use-explain.ts';

const STATUSES = { passed: 'finish', refused: 'error', waits: 'process', open: 'wait' } as const satisfies Record<
  StepState,
  string
>;

/** The decision on a request, then each step to it. */
export function ExplanationView({ explanation }: { readonly explanation: Explanation }) {
  const { t, language } = useTexts();
  const { decision, gatewayId, revision, at } = explanation;
  return (
    <Flex vertical gap={16}>
      <DecisionAlert explanation={explanation} />
      <RecordedCard explanation={explanation} />
      <Steps
        orientation="vertical"
        items={STEP_NAMES.map((step) => {
          const state = stateOf(step, decision);
          return {
            title: t(`explain.step.${step}`),
            subTitle: t(`explain.state.${state}`),
            status: STATUSES[state],
            content: <StepContent step={step} explanation={explanation} />,
          };
        })}
      />
      <Typography.Text type="secondary">
        {t('explain.by', { gateway: gatewayId, revision, at: new Date(at).toLocaleString(language) })}
      </Typography.Text>
    </Flex>
  );
}

interface StepContentProps {
  readonly step: StepName;
  readonly explanation: Explanation;
}

function StepContent({ step, explanation }: StepContentProps): ReactNode {
  switch (step) {
    case 'request':
      return null;
    case 'namespace':
      return (
        <>
          <NamespaceStep namespace={explanation.namespace} />
          <MatchersTable explanation={explanation} />
        </>
      );
    case 'caller':
      return <CallerStep caller={explanation.caller} />;
    case 'model':
      return <ModelStep model={explanation.model} />;
    case 'messages':
      return <MessagesStep policies={explanation.messagePolicies} />;
    case 'targets':
      return <TargetsStep targets={explanation.targets} />;
    case 'tokens':
      return <TokensStep explanation={explanation} />;
    case 'limits':
      return <LimitsTable explanation={explanation} />;
    default:
      return step satisfies never;
  }
}
