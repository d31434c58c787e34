import { Alert, Button, Drawer, Table } from 'antd';
import { useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { Page } from '../../components/page.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { type Filters, filtersIn, searchOf } from './filters.ts';
import { requestColumns } from './request-columns.tsx';
import { RequestDetails } from './request-details.tsx';
import { RequestFilters } from './request-filters.tsx';
import { type RequestLog, useRequests } from './use-requests.ts';

/** The log of ended requests. The address holds the filters, so that a view can be shared. */
export function RequestsPage() {
  const { t, language } = useTexts();
  const [search, setSearch] = useSearchParams();
  const filters = filtersIn(search);
  const log = useRequests(filters);
  const [opened, setOpened] = useState<RequestLog>();
  const { cursor, ...others } = filters;
  const older = log.data?.cursor;
  const show = (wanted: Filters) => setSearch(searchOf(wanted));
  return (
    <Page
      title={t('request.title')}
      actions={
        <>
          <Button disabled={cursor === undefined} onClick={() => show(others)}>
            {t('request.newest')}
          </Button>
          <Button disabled={older === undefined} onClick={() => older && show({ ...others, cursor: older })}>
            {t('request.older')}
          </Button>
        </>
      }
    >
      <RequestFilters filters={filters} onFilter={show} />
      {log.isError && (
        <Alert type="error" title={log.error.message || t('failure.offline')} style={{ marginBottom: 16 }} />
      )}
      <Table
        rowKey="recordId"
        size="small"
        columns={requestColumns({ t, language, onOpen: setOpened })}
        dataSource={log.data?.items ?? []}
        loading={log.isPending || log.isPlaceholderData}
        pagination={false}
        scroll={{ x: 'max-content' }}
      />
      <DetailsDrawer request={opened} onClose={() => setOpened(undefined)} />
    </Page>
  );
}

interface DetailsDrawerProps {
  readonly request: RequestLog | undefined;
  readonly onClose: () => void;
}

function DetailsDrawer({ request, onClose }: DetailsDrawerProps) {
  const { t } = useTexts();
  const navigate = useNavigate();
  const explain = (requestId: string) => void navigate(`/explain?${new URLSearchParams({ requestId })}`);
  return (
    <Drawer
      title={t('request.details')}
      open={request !== undefined}
      onClose={onClose}
      size="large"
      extra={
        request && (
          <Button type="primary" onClick={() => explain(request.requestId)}>
            {t('request.explain')}
          </Button>
        )
      }
    >
      {request && <RequestDetails request={request} />}
    </Drawer>
  );
}
