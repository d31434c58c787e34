import { Descriptions, Flex, Typography } from 'antd';
import type { ReactNode } from 'react';
import { type Translate, useTexts } from '../../texts/texts.tsx';
import { ResultTag } from './result-tag.tsx';
import { policyNamesOf } from './steps.ts';
import type { Explanation } from './use-explain.ts';

/** The targets in the order in which they would be tried. */
export function TargetsStep({ targets }: { readonly targets: Explanation['targets'] }) {
  const { t } = useTexts();
  return (
    <Flex vertical gap={4}>
      {targets.map(({ provider, model, upstreamId, baseUrl, weight, isHealthy, isChosen }) => (
        <span key={`${provider} ${model} ${upstreamId}`}>
          {provider}/{model} <Typography.Text code>{baseUrl}</Typography.Text> {t('upstream.weight')} {weight}{' '}
          {isChosen && <ResultTag tone="good">{t('explain.chosen')}</ResultTag>}
          {!isHealthy && <ResultTag tone="bad">{t('explain.unhealthy')}</ResultTag>}
        </span>
      ))}
    </Flex>
  );
}

/** Tokens of the input, the caps on one request, and what the limits are asked for. */
export function TokensStep({ explanation }: { readonly explanation: Explanation }) {
  const { t } = useTexts();
  const rows = [...capRows(explanation, t), ...tokenRows(explanation, t)];
  if (rows.length === 0) return null;
  const items = rows.map(([label, children]) => ({ key: label, label, children }));
  return <Descriptions column={1} size="small" items={items} />;
}

type Row = readonly [string, ReactNode];

function capRows({ caps }: Explanation, t: Translate): readonly Row[] {
  return caps.map(({ policyName, isObserved, maxInputTokens, maxOutputTokens, isInputExceeded }) => [
    policyName,
    <Flex key={policyName} gap={8} wrap component="span">
      {maxInputTokens !== undefined && t('token.inputEffect', { tokens: maxInputTokens.toLocaleString() })}
      {maxOutputTokens !== undefined && t('token.outputEffect', { tokens: maxOutputTokens.toLocaleString() })}
      {isInputExceeded && <ResultTag tone="bad">{t('explain.exceeded')}</ResultTag>}
      {isObserved && <ResultTag tone="warning">{t('limits.observes')}</ResultTag>}
    </Flex>,
  ]);
}

function tokenRows(explanation: Explanation, t: Translate): readonly Row[] {
  const { input, outputCap, demand } = explanation;
  const names = policyNamesOf(explanation);
  const rows: Row[] = [];
  if (input !== undefined) {
    const { tokens, isExact, isRecorded } = input;
    const counted = t(isExact ? 'tokens.exact' : 'tokens.estimate');
    rows.push([t('explain.input'), `${tokens.toLocaleString()} (${isRecorded ? t('explain.fromLog') : counted})`]);
  }
  if (outputCap !== undefined) {
    const { tokens, policyId } = outputCap;
    const setBy = policyId === undefined ? t('request.byClient') : (names.get(policyId) ?? policyId);
    rows.push([t('request.outputCap'), `${tokens.toLocaleString()} (${setBy})`]);
  }
  if (demand !== undefined) {
    const { inputTokens, outputTokens, isGuess } = demand;
    const asked = `${inputTokens.toLocaleString()} / ${outputTokens.toLocaleString()}`;
    rows.push([t('request.demand'), isGuess ? `${asked} (${t('explain.guess')})` : asked]);
  }
  return rows;
}
