import type { TableColumnsType } from 'antd';
import { useCustomerTypeNames, useProviderNames } from '../../api/names.ts';
import { ChoiceField, TextField } from '../../components/choice-fields.tsx';
import { draftOf } from '../../components/draft-of.ts';
import { Page } from '../../components/page.tsx';
import { ResourceTable } from '../../components/resource-table.tsx';
import { type Translate, useTexts } from '../../texts/texts.tsx';
import { type Price, type PriceDraft, type Rate, type RateDraft, usePrices, useRates } from './use-prices.ts';

/** What payers are charged for models, and what these cost. */
export function PricesPage() {
  const { t } = useTexts();
  return (
    <Page title={t('nav.prices')}>
      <RatesTable />
      <CostsTable />
    </Page>
  );
}

function RatesTable() {
  const { t } = useTexts();
  const resource = useRates();
  const providers = useProviderNames();
  const customerTypes = useCustomerTypeNames();
  const columns: TableColumnsType<Rate> = [
    {
      key: 'customerType',
      title: t('price.customerType'),
      render: (_, { customerTypeId: id }) => (id === undefined ? t('price.everybody') : (customerTypes.get(id) ?? id)),
    },
    ...priceColumns<Rate>(t, providers),
  ];
  return (
    <ResourceTable<Rate, RateDraft>
      title={t('price.rates')}
      hint={t('price.ratesHint')}
      newTitle={t('price.newRate')}
      resource={resource}
      columns={columns}
      nameOf={({ model }) => model}
      newDraft={{}}
      draftOf={draftOf}
    >
      <ChoiceField
        name="customerTypeId"
        label={t('price.customerType')}
        names={customerTypes}
        placeholder={t('price.everybody')}
      />
      <PriceFields providers={providers} />
    </ResourceTable>
  );
}

function CostsTable() {
  const { t } = useTexts();
  const resource = usePrices();
  const providers = useProviderNames();
  return (
    <ResourceTable<Price, PriceDraft>
      title={t('price.costs')}
      hint={t('price.costsHint')}
      newTitle={t('price.newCost')}
      resource={resource}
      columns={priceColumns<Price>(t, providers)}
      nameOf={({ model }) => model}
      newDraft={{}}
      draftOf={draftOf}
    >
      <PriceFields providers={providers} />
    </ResourceTable>
  );
}

function priceColumns<Row extends Price>(t: Translate, providers: ReadonlyMap<string, string>): TableColumnsType<Row> {
  return [
    {
      key: 'provider',
      title: t('model.provider'),
      render: (_, { providerId }) => providers.get(providerId) ?? providerId,
    },
    { key: 'model', title: t('price.model'), render: (_, { model }) => model },
    { key: 'input', title: t('price.input'), align: 'right', render: (_, row) => row.inputPerMillion },
    { key: 'output', title: t('price.output'), align: 'right', render: (_, row) => row.outputPerMillion },
  ];
}

function PriceFields({ providers }: { readonly providers: ReadonlyMap<string, string> }) {
  const { t } = useTexts();
  return (
    <>
      <ChoiceField name="providerId" label={t('model.provider')} names={providers} isRequired />
      <TextField name="model" label={t('price.model')} hint={t('price.modelHint')} isRequired />
      <TextField name="inputPerMillion" label={t('price.input')} hint={t('price.amountHint')} isRequired />
      <TextField name="outputPerMillion" label={t('price.output')} hint={t('price.amountHint')} isRequired />
    </>
  );
}
