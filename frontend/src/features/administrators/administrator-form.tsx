import { administratorRole } from '@ai-gateway/contracts';
import { Form, Input, Select } from 'antd';
import { api, dataOf } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { EnabledField, NameField } from '../../components/common-fields.tsx';
import { DraftModal, type DraftModalProps } from '../../components/draft-modal.tsx';
import { useTexts } from '../../texts/texts.tsx';
import type { AdministratorDraft } from './use-administrators.ts';

/** Name, role and ways in of an administrator; the tenant is asked only of the role that has one. */
export function AdministratorForm({ onSave, ...dialog }: Omit<DraftModalProps<AdministratorDraft>, 'children'>) {
  const { t } = useTexts();
  const save = ({ tenantId, ...draft }: AdministratorDraft) =>
    onSave(draft.role === 'tenant_admin' && tenantId !== undefined ? { ...draft, tenantId } : draft);
  return (
    <DraftModal<AdministratorDraft> {...dialog} onSave={save}>
      <NameField />
      <Form.Item name="role" label={t('administrator.role')} extra={t('administrator.roleHint')}>
        <Select options={administratorRole.options.map((value) => ({ value, label: value }))} />
      </Form.Item>
      <TenantField />
      <Form.Item name="email" label={t('administrator.email')} extra={t('administrator.emailHint')}>
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item name="password" label={t('administrator.password')} extra={t('administrator.passwordHint')}>
        <Input.Password autoComplete="new-password" maxLength={200} />
      </Form.Item>
      <EnabledField />
    </DraftModal>
  );
}

function TenantField() {
  const { t } = useTexts();
  const tenants = useRead(['tenants', 'all'], () =>
    dataOf(api.GET('/api/v2/tenants', { params: { query: { size: 100 } } })),
  );
  const role: unknown = Form.useWatch('role');
  if (role !== 'tenant_admin') return null;
  return (
    <Form.Item
      name="tenantId"
      label={t('administrator.tenant')}
      rules={[{ required: true, message: t('common.required') }]}
    >
      <Select options={tenants.data?.items.map(({ id, name }) => ({ value: id, label: name })) ?? []} />
    </Form.Item>
  );
}
