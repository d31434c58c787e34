import { Select } from 'antd';
import { useState } from 'react';
import { api, dataOf } from '../api/client.ts';
import { useRead } from '../api/queries.ts';
import { useSettled } from './use-settled.ts';

/** Typing that pauses for so long is searched for, ms. */
const QUIET_MS = 200;

/** Rows that are offered at a time; more are found by typing. */
const OFFERED = 50;

interface NamedRow {
  readonly id: string;
  readonly name: string;
}

/** What `Form.Item` hands to its field. */
export interface RowSelectProps {
  readonly id?: string;
  readonly value?: string;
  readonly onChange?: (value: string | undefined) => void;
  readonly placeholder?: string;
}

interface Rows {
  readonly resource: string;
  readonly find: (keyword: string) => Promise<{ readonly items: readonly NamedRow[] }>;
  readonly read: (id: string) => Promise<NamedRow>;
}

const NAMESPACES: Rows = {
  resource: 'namespaces',
  find: (keyword) => dataOf(api.GET('/api/v2/namespaces', { params: { query: { keyword, size: OFFERED } } })),
  read: (id) => dataOf(api.GET('/api/v2/namespaces/{id}', { params: { path: { id } } })),
};

const VIRTUAL_KEYS: Rows = {
  resource: 'virtual-keys',
  find: (keyword) => dataOf(api.GET('/api/v2/virtual-keys', { params: { query: { keyword, size: OFFERED } } })),
  read: (id) => dataOf(api.GET('/api/v2/virtual-keys/{id}', { params: { path: { id } } })),
};

/** Chooses a namespace by its name; the value is its id. */
export function NamespaceSelect(props: RowSelectProps) {
  return <RowSelect {...props} rows={NAMESPACES} />;
}

/** Chooses a virtual key by its name; the value is its id. */
export function VirtualKeySelect(props: RowSelectProps) {
  return <RowSelect {...props} rows={VIRTUAL_KEYS} />;
}

function RowSelect({ rows, value, ...field }: RowSelectProps & { readonly rows: Rows }) {
  const { resource, find, read } = rows;
  const [typed, setTyped] = useState('');
  const keyword = useSettled(typed, QUIET_MS);
  const found = useRead([resource, 'found', keyword], () => find(keyword));
  // The chosen one may not be among those that are offered.
  const chosen = useRead([resource, 'chosen', value ?? ''], async () =>
    value === undefined ? [] : [await read(value)],
  );
  const named = new Map([...(chosen.data ?? []), ...(found.data?.items ?? [])].map(({ id, name }) => [id, name]));
  return (
    <Select
      {...field}
      {...(value !== undefined && { value })}
      allowClear
      showSearch={{ filterOption: false, onSearch: setTyped }}
      loading={found.isFetching}
      options={[...named].map(([id, label]) => ({ value: id, label }))}
      style={{ minWidth: 180 }}
    />
  );
}
