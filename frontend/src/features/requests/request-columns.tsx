import { Button, type TableColumnsType } from 'antd';
import { RequestTags } from '../../components/request-tags.tsx';
import type { Language, Translate } from '../../texts/texts.tsx';
import type { RequestLog } from './use-requests.ts';

export interface RequestColumnsOptions {
  readonly t: Translate;
  readonly language: Language;
  readonly onOpen: (request: RequestLog) => void;
}

/** Columns of the log of requests. */
export function requestColumns({ t, language, onOpen }: RequestColumnsOptions): TableColumnsType<RequestLog> {
  return [
    { key: 'at', title: t('request.at'), render: (_, { at }) => new Date(at).toLocaleString(language) },
    {
      key: 'id',
      title: t('request.id'),
      render: (_, row) => (
        <Button type="link" size="small" style={{ padding: 0 }} onClick={() => onOpen(row)}>
          <code>{row.requestId}</code>
        </Button>
      ),
    },
    { key: 'namespace', title: t('request.namespace'), dataIndex: 'namespace' },
    {
      key: 'model',
      title: t('request.model'),
      render: (_, { resolvedModel, requestedModel }) => resolvedModel || requestedModel || '–',
    },
    { key: 'end', title: t('request.end'), render: (_, row) => <RequestTags request={row} /> },
    {
      key: 'tokens',
      title: t('request.tokens'),
      align: 'right',
      render: (_, { inputTokens, outputTokens }) =>
        `${inputTokens.toLocaleString()} / ${outputTokens.toLocaleString()}`,
    },
    {
      key: 'duration',
      title: t('request.duration'),
      align: 'right',
      render: (_, { durationMs }) => msText(t, durationMs),
    },
  ];
}

/** A time in ms with its unit. */
export function msText(t: Translate, ms: number): string {
  return t('request.ms', { ms: Math.round(ms).toLocaleString() });
}
