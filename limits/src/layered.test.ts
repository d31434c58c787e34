import { type LayeredLimit, layeredLimitShape } from '@ai-gateway/contracts';
import { describe, expect, it } from 'vitest';
import { indexLayeredLimits, layeredLimitsFor, winningLimit } from './layered.ts';

const TENANT = '9d865a1b-2c8b-444e-9172-39e2c3517292';
const TYPE = 'eb948fd1-b8da-46c7-aa51-92eb296970c8';

type Level = Partial<Pick<LayeredLimit, 'targetType' | 'targetId' | 'providerId' | 'model' | 'countPer'>>;

function row(level: Level, limit: object): LayeredLimit {
  const id = Object.values(level).join(' ');
  return layeredLimitShape.parse({ id: `${id} ${JSON.stringify(limit)}`, targetType: 'global', ...level, limit });
}
const tpm = (maxTokens: number) => ({ control: 'tpm', maxTokens, windowSeconds: 60 });
const rpm = (maxRequests: number) => ({ control: 'rpm', maxRequests, windowSeconds: 60 });
const soft = (amount: string) => ({ control: 'soft_limit', amount });
const hard = (amount: string) => ({ control: 'hard_limit', amount });

const type: Level = { targetType: 'customer_type', targetId: TYPE };
const tenant: Level = { targetType: 'tenant', targetId: TENANT };
const openai: Level = { ...tenant, providerId: 'openai' };
const gpt4: Level = { ...openai, model: 'gpt-4' };

/** The worked configuration of requirements.md 2.6. */
const ROWS = [
  ...[tpm(10_000), rpm(60), soft('100'), hard('50')].map((limit) => row({}, limit)),
  ...[tpm(20_000), rpm(120), soft('200'), hard('100')].map((limit) => row(type, limit)),
  ...[tpm(50_000), rpm(1_000), soft('500'), hard('200')].map((limit) => row(tenant, limit)),
  ...[tpm(100_000), rpm(500)].map((limit) => row(openai, limit)),
  row(gpt4, tpm(80_000)),
];
const WITHOUT_OPENAI_RPM = ROWS.filter(({ providerId, limit }) => providerId === undefined || limit.control !== 'rpm');

function valuesFor(rows: readonly LayeredLimit[], facts: object) {
  const indexed = indexLayeredLimits(rows);
  const of = (control: LayeredLimit['limit']['control']) =>
    winningLimit(indexed, control, { namespaceId: 'n', ...facts })?.limit;
  return {
    tpm: valueIn(of('tpm')),
    rpm: valueIn(of('rpm')),
    soft: valueIn(of('soft_limit')),
    hard: valueIn(of('hard_limit')),
  };
}

function valueIn(limit: LayeredLimit['limit'] | undefined): number | undefined {
  if (limit === undefined) return undefined;
  if (limit.control === 'tpm') return limit.maxTokens;
  return limit.control === 'rpm' ? limit.maxRequests : Number(limit.amount);
}

const asTenant = { tenantId: TENANT, customerTypeId: TYPE };

describe('the worked examples', () => {
  it.each([
    ['no tenant, no type', ROWS, {}, { tpm: 10_000, rpm: 60, soft: 100, hard: 50 }],
    ['a customer type', ROWS, { customerTypeId: TYPE }, { tpm: 20_000, rpm: 120, soft: 200, hard: 100 }],
    [
      'tenant, openai, gpt-4',
      ROWS,
      { ...asTenant, providerId: 'openai', model: 'gpt-4' },
      { tpm: 80_000, rpm: 500, soft: 500, hard: 200 },
    ],
    [
      'tenant and openai, no model',
      ROWS,
      { ...asTenant, providerId: 'openai' },
      { tpm: 100_000, rpm: 500, soft: 500, hard: 200 },
    ],
    ['tenant only', ROWS, asTenant, { tpm: 50_000, rpm: 1_000, soft: 500, hard: 200 }],
    [
      'another model of openai',
      ROWS,
      { ...asTenant, providerId: 'openai', model: 'gpt-3.5-turbo' },
      { tpm: 100_000, rpm: 500, soft: 500, hard: 200 },
    ],
    [
      'another provider',
      ROWS,
      { ...asTenant, providerId: 'anthropic', model: 'claude-3' },
      { tpm: 50_000, rpm: 1_000, soft: 500, hard: 200 },
    ],
    [
      'openai without an rpm row inherits',
      WITHOUT_OPENAI_RPM,
      { ...asTenant, providerId: 'openai', model: 'gpt-4' },
      { tpm: 80_000, rpm: 1_000, soft: 500, hard: 200 },
    ],
  ])('%s', (_, rows, facts, expected) => {
    expect(valuesFor(rows, facts)).toEqual(expected);
  });
});

const keysFor = (rows: readonly LayeredLimit[], facts: object) =>
  layeredLimitsFor(indexLayeredLimits(rows), { namespaceId: 'n', ...facts }, false).map(({ key }) => key);

// Defect of the sources: a tenant's counter was split per provider and model.
it('counts at the level that the limit comes from', () => {
  const rows = [row(tenant, tpm(50_000)), row({}, rpm(60))];
  const one = keysFor(rows, { tenantId: TENANT, providerId: 'openai', model: 'gpt-4' });
  const other = keysFor(rows, { tenantId: TENANT, providerId: 'anthropic', model: 'claude-3' });
  expect(one).toEqual(other);
  expect(keysFor(rows, { tenantId: 'another' })[0]).toBe(one[0]);
});

it('gives every payer a counter of its own where the row says so', () => {
  const rows = [row({ ...type, countPer: 'payer' }, tpm(20_000))];
  const first = keysFor(rows, { tenantId: 'a', customerTypeId: TYPE });
  const second = keysFor(rows, { tenantId: 'b', customerTypeId: TYPE });
  const withoutTenant = keysFor(rows, { virtualKeyId: 'k', customerTypeId: TYPE });
  expect(new Set([...first, ...second, ...withoutTenant]).size).toBe(3);
});
