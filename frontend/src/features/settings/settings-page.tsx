import { operatorSettings } from '@ai-gateway/contracts';
import { Alert, Button, Card, Form, InputNumber, Spin } from 'antd';
import { useRole } from '../../access.tsx';
import { Page } from '../../components/page.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { type Settings, type SettingsChange, useSettings } from './use-settings.ts';

const NAMES = operatorSettings.keyof().options;

/** What operators change while the config center runs. */
export function SettingsPage() {
  const { t } = useTexts();
  const { read, change } = useSettings();
  const { data, error } = read;
  return (
    <Page title={t('settings.title')}>
      {error && <Alert type="error" title={error.message || t('failure.offline')} />}
      {read.isPending && <Spin />}
      {data && (
        <SettingsForm
          // Values that were saved stand in new fields.
          key={JSON.stringify(data.values)}
          {...data}
          isSaving={change.isPending}
          onSave={change.mutateAsync}
        />
      )}
    </Page>
  );
}

interface SettingsFormProps {
  readonly values: Settings;
  readonly defaults: Settings;
  readonly isSaving: boolean;
  readonly onSave: (change: SettingsChange) => Promise<unknown>;
}

function SettingsForm({ values, defaults, isSaving, onSave }: SettingsFormProps) {
  const { t } = useTexts();
  const mayChange = useRole() === 'superadmin';
  const showError = useShowError();
  const [form] = Form.useForm<SettingsChange>();
  const save = async (entered: SettingsChange) => {
    const changed = NAMES.filter((name) => entered[name] !== values[name]);
    try {
      await onSave(Object.fromEntries(changed.map((name) => [name, entered[name] ?? null])));
    } catch (error) {
      showError(error, form);
    }
  };
  return (
    <Card style={{ maxWidth: 560 }}>
      <Alert
        type="info"
        title={`${t('settings.hint')} ${mayChange ? '' : t('settings.readOnly')}`}
        style={{ marginBottom: 16 }}
      />
      <Form
        form={form}
        name="settings"
        layout="vertical"
        initialValues={values}
        disabled={!mayChange}
        onFinish={(entered) => void save(entered)}
      >
        {NAMES.map((name) => (
          <Form.Item
            key={name}
            name={name}
            label={t(`settings.${name}`)}
            extra={`${t(`settings.${name}Hint`)} ${t('settings.default', { value: defaults[name] })}`}
          >
            <InputNumber
              min={operatorSettings.shape[name].minValue ?? 1}
              max={operatorSettings.shape[name].maxValue ?? Number.MAX_SAFE_INTEGER}
              precision={0}
              style={{ width: '100%' }}
            />
          </Form.Item>
        ))}
        {mayChange && (
          <Button type="primary" htmlType="submit" loading={isSaving}>
            {t('action.save')}
          </Button>
        )}
      </Form>
    </Card>
  );
}
