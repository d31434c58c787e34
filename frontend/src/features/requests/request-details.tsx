import { Descriptions, type DescriptionsProps, Flex, Tag, Typography } from 'antd';
import type { ReactNode } from 'react';
import { RequestTags } from '../../components/request-tags.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { msText } from './request-columns.tsx';
import { type RequestLog, usePolicyName, useVirtualKeyName } from './use-requests.ts';

type Item = NonNullable<DescriptionsProps['items']>[number];

/** All that the log keeps of one request. */
export function RequestDetails({ request }: { readonly request: RequestLog }) {
  const { t } = useTexts();
  const items = [...useDecidedItems(request), ...useMeasuredItems(request)];
  return (
    <Flex vertical gap={16}>
      <Descriptions column={1} size="small" bordered items={items} />
      <MatchedValues matched={request.matched} />
      <Typography.Text type="secondary">{t('request.notKept')}</Typography.Text>
    </Flex>
  );
}

/** By what it was decided, and how. */
function useDecidedItems(request: RequestLog): readonly Item[] {
  const { t, language } = useTexts();
  const { requestedModel, resolvedModel, virtualKeyId, refusedByPolicyIds, observedPolicyIds } = request;
  return itemsOf([
    [t('request.id'), <Code key="id" text={request.requestId} />],
    [t('request.at'), new Date(request.at).toLocaleString(language)],
    [t('request.line'), <Code key="line" text={`${request.method} ${request.path}`} />],
    [t('request.end'), <RequestTags key="end" request={request} />],
    [t('request.errorCode'), request.errorCode],
    [t('request.refusedBy'), policyTags(refusedByPolicyIds)],
    [t('request.observedBy'), policyTags(observedPolicyIds)],
    [t('request.namespace'), request.namespace],
    [t('request.key'), virtualKeyId && <VirtualKeyName id={virtualKeyId} />],
    [t('request.tenant'), request.tenantId],
    [t('request.customerType'), request.customerTypeId],
    [t('request.requestedModel'), requestedModel],
    [t('request.resolvedModel'), resolvedModel],
    [t('request.provider'), request.provider],
    [t('request.upstream'), request.upstreamId],
    [t('request.gateway'), request.gatewayId],
    [t('gateway.revision'), request.revision],
  ]);
}

/** What it asked for and what it took. */
function useMeasuredItems(request: RequestLog): readonly Item[] {
  const { t } = useTexts();
  const { kind, clientMaxTokens, choices, outputCap, demand, firstByteMs, waitedMs } = request;
  const tokens = (input: number, output: number) => `${input.toLocaleString()} / ${output.toLocaleString()}`;
  return itemsOf([
    [t('request.kind'), kind && t(`requestKind.${kind}`)],
    [t('request.tokens'), tokens(request.inputTokens, request.outputTokens)],
    [t('request.usageSource'), t(`usageSource.${request.usageSource}`)],
    [t('request.clientMaxTokens'), clientMaxTokens?.toLocaleString()],
    [t('request.choices'), choices > 1 ? choices : undefined],
    [t('request.outputCap'), outputCap && <CapText cap={outputCap} />],
    [t('request.demand'), demand && tokens(demand.inputTokens, demand.outputTokens)],
    [t('request.duration'), msText(t, request.durationMs)],
    [t('request.firstByte'), firstByteMs !== undefined && msText(t, firstByteMs)],
    [t('request.waited'), waitedMs > 0 && msText(t, waitedMs)],
    [t('request.attempts'), request.attempts],
  ]);
}

function itemsOf(rows: readonly (readonly [string, ReactNode])[]): readonly Item[] {
  return rows
    .filter(([, value]) => value !== undefined && value !== false && value !== '')
    .map(([label, children]) => ({ key: label, label, children }));
}

function Code({ text }: { readonly text: string }) {
  return (
    <Typography.Text code copyable>
      {text}
    </Typography.Text>
  );
}

function policyTags(ids: readonly string[]): ReactNode {
  return ids.length === 0 ? undefined : ids.map((id) => <PolicyTag key={id} id={id} />);
}

function PolicyTag({ id }: { readonly id: string }) {
  return <Tag color="volcano">{usePolicyName(id)}</Tag>;
}

function VirtualKeyName({ id }: { readonly id: string }) {
  return useVirtualKeyName(id);
}

function CapText({ cap: { tokens, policyId } }: { readonly cap: NonNullable<RequestLog['outputCap']> }) {
  const { t } = useTexts();
  return (
    <>
      {tokens.toLocaleString()} {policyId === undefined ? t('request.byClient') : <PolicyTag id={policyId} />}
    </>
  );
}

/** What matchers read. */
function MatchedValues({ matched }: { readonly matched: RequestLog['matched'] | undefined }) {
  const { t } = useTexts();
  const values = (['headers', 'query', 'body'] as const).flatMap((part) =>
    Object.entries(matched?.[part] ?? {}).map(([field, value]) => ({ part, field, value })),
  );
  if (values.length === 0) return null;
  const items = values.map(({ part, field, value }) => ({
    key: `${part}.${field}`,
    label: `${t(`request.${part}`)} ${field}`,
    children: <Typography.Text code>{value}</Typography.Text>,
  }));
  return <Descriptions title={t('request.matched')} column={1} size="small" bordered items={items} />;
}
